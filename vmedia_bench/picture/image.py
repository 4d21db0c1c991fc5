"""A frame as the bytes of an image file."""

import io
from collections.abc import Sequence
from pathlib import PurePath

from vmedia_bench.picture.format import Buffer, PictureError, PictureFormat
from vmedia_bench.picture.rgb import to_rgb


def image_kind(name: str | PurePath) -> str:
    """Pillow's name of the kind that a file name's suffix stands for, such as PNG.

    PictureError for a suffix of nothing that can be written.
    """
    from PIL import Image

    Image.init()
    suffix = PurePath(name).suffix.lower()
    kind = Image.registered_extensions().get(suffix, "")
    if kind not in Image.SAVE:
        shown = suffix or str(name)
        raise PictureError(f"no picture is written as {shown!r}: try .png, .jpg or .webp")
    return kind


def encode_image(fmt: PictureFormat, planes: Sequence[Buffer], kind: str = "PNG") -> bytes:
    """The frame as an image file's bytes. PictureError as `to_rgb` raises it, or for the kind."""
    from PIL import Image

    packed = io.BytesIO()
    image = Image.fromarray(to_rgb(fmt, planes))
    try:
        image.save(packed, kind)
    except (OSError, ValueError, KeyError) as error:
        raise PictureError(f"cannot write an RGB picture as {kind}: {error}") from error
    return packed.getvalue()
