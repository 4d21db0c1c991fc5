"""A frame of the control API as the bytes of a file."""

from collections.abc import Sequence
from typing import Any

from vmedia_bench.picture.format import RawFormat, RawPlane
from vmedia_bench.picture.image import encode_image
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding, fourcc


def picture_bytes(frame: dict[str, Any], planes: Sequence[bytes], kind: str) -> bytes:
    """The frame as a picture file of Pillow's `kind`. PictureError where it cannot be shown."""
    return encode_image(picture_format(frame), planes, kind)


def raw_bytes(planes: Sequence[bytes]) -> bytes:
    """The planes one after the other."""
    return b"".join(planes)


def picture_format(frame: dict[str, Any]) -> RawFormat:
    """A frame's description as the picture room wants it; names it does not know are DEFAULT."""
    return RawFormat(
        frame["width"],
        frame["height"],
        fourcc(frame["fourcc"]),
        tuple(RawPlane(plane["bytesperline"]) for plane in frame["planes"]),
        _number(Colorspace, frame["colorspace"]),
        _number(YcbcrEncoding, frame["ycbcr_enc"]),
        _number(Quantization, frame["quantization"]),
    )


def _number(names: type[Any], name: str) -> int:
    found = names.__members__.get(name) or names.__members__.get(f"_{name}")
    return int(found) if found is not None else 0
