"""
Pictures as they come out of files, and how Pillow scales them onto a canvas.

Y'CbCr is taken apart, scaled plane by plane and put together again in C, so that no step works on
whole RGB pictures where it can be helped.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from PIL import Image

from vmedia_bench.backends.file.canvas import Bytes, Canvas, Placement, Samples, fit
from vmedia_bench.backends.pattern.formats import MJPG, RawFormat

_BILINEAR: Final = Image.Resampling.BILINEAR
_BOX: Final = Image.Resampling.BOX
_JPEG_QUALITIES: Final = (85, 50, 20)

# Full range to limited range and back, for luma and for chroma ("Detailed Colorspace
# Descriptions" of the V4L2 UAPI documentation).
_LUMA_TO_LIMITED: Final = [round(16 + value * 219 / 255) for value in range(256)]
_CHROMA_TO_LIMITED: Final = [round(128 + (value - 128) * 224 / 255) for value in range(256)]


def _clipped(value: float) -> int:
    return min(255, max(0, round(value)))


_LUMA_TO_FULL: Final = [_clipped((value - 16) * 255 / 219) for value in range(256)]
_CHROMA_TO_FULL: Final = [_clipped(128 + (value - 128) * 255 / 224) for value in range(256)]


class Picture(Protocol):
    """One picture of a file; nothing is decoded before it is painted."""

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame, letterboxed; gives the bytes used, and where it lies."""
        ...


@dataclass(frozen=True, slots=True)
class YcbcrImages:
    """Three greyscale images, chroma of any size; `full_range` is 0..255 for luma."""

    luma: Image.Image
    cb: Image.Image
    cr: Image.Image
    full_range: bool

    def ranged(self, *, full_range: bool) -> YcbcrImages:
        """Give the same picture in the other range, or as it is."""
        if full_range == self.full_range:
            return self
        luma, chroma = (
            (_LUMA_TO_FULL, _CHROMA_TO_FULL)
            if full_range
            else (_LUMA_TO_LIMITED, _CHROMA_TO_LIMITED)
        )
        return YcbcrImages(
            self.luma.point(luma), self.cb.point(chroma), self.cr.point(chroma), full_range
        )

    def to_rgb(self, size: tuple[int, int]) -> Image.Image:
        """Give an RGB image of (width, height)."""
        full = self.ranged(full_range=True)
        parts = [_scaled(image, size) for image in (full.luma, full.cb, full.cr)]
        return Image.merge("YCbCr", parts).convert("RGB")


@dataclass(frozen=True, slots=True)
class ImagePicture:
    """A picture that Pillow holds in RGB or L."""

    image: Image.Image

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame."""
        image = self.image if self.image.mode == "RGB" else self.image.convert("RGB")
        place = fit(image.size, canvas.size)
        if canvas.raw is None:
            return _put_jpeg(encode_jpeg(image, canvas.size, len(out)), out), place
        scaled = _scaled(image, place[2:])
        if canvas.raw.is_rgb:
            return _put(canvas, out, _rgb_samples(scaled), place), place
        return _put_ycbcr(canvas, out, _split(scaled.convert("YCbCr")), place), place


@dataclass(frozen=True, slots=True)
class YcbcrPicture:
    """A picture in separate planes; `size` is that of its luma."""

    images: YcbcrImages

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame."""
        place = fit(self.images.luma.size, canvas.size)
        if canvas.raw is None:
            image = self.images.to_rgb(place[2:])
            return _put_jpeg(encode_jpeg(image, canvas.size, len(out)), out), place
        if canvas.raw.is_rgb:
            return _put(canvas, out, _rgb_samples(self.images.to_rgb(place[2:])), place), place
        return _put_ycbcr(canvas, out, self.images, place), place


@dataclass(frozen=True, slots=True)
class JpegPicture:
    """A JPEG that is not decoded where the frame is one of the same size."""

    data: bytes

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame; OSError or ValueError for data that is no picture."""
        try:
            image = Image.open(io.BytesIO(self.data), formats=("JPEG",))
        except Image.DecompressionBombError as error:
            raise ValueError(str(error)) from error
        if canvas.pixelformat == MJPG and image.size == canvas.size and len(self.data) <= len(out):
            return _put_jpeg(self.data, out), fit(image.size, canvas.size)
        place = fit(image.size, canvas.size)
        # Fewer samples are decoded where the picture is shown at half its size or less.
        image.draft("YCbCr", place[2:])
        image.load()
        if image.mode != "YCbCr":
            return ImagePicture(image).paint(canvas, out)
        return YcbcrPicture(_split(image)).paint(canvas, out)


@dataclass(frozen=True, slots=True)
class RawPicture:
    """Bytes in one of the raw pixel formats; `size` is (width, height)."""

    data: bytes
    raw: RawFormat
    size: tuple[int, int]
    source: Canvas = field(repr=False)

    def paint(self, canvas: Canvas, out: Bytes) -> tuple[int, Placement]:
        """Put it into a frame; a frame of the same format gets the bytes as they are."""
        if canvas.raw is self.raw and canvas.size == self.size:
            out[: canvas.length] = np.frombuffer(self.data, np.uint8)
            return canvas.length, Placement(0, 0, *self.size)
        parts = self._samples()
        if self.raw.is_rgb:
            pixels = np.stack([parts[name] for name in "RGB"], axis=-1)
            return ImagePicture(Image.fromarray(pixels)).paint(canvas, out)
        images = _grey(parts["Y"]), _grey(parts.get("U")), _grey(parts.get("V"))
        picture = YcbcrPicture(YcbcrImages(*images, full_range=self.raw.full_range))
        return picture.paint(canvas, out)

    def _samples(self) -> dict[str, Bytes]:
        """Take the frame apart, name by name."""
        data = np.frombuffer(self.data, np.uint8)
        width = self.size[0]
        found: dict[str, Bytes] = {}
        for part, base in self.source.parts:
            lines = self.source.lines(data, part, base)
            groups = lines.reshape(len(lines), -1, len(part.samples))
            for name in set(part.samples) - {"X", "y"}:
                both = name + "y" if name == "Y" else name
                columns = [at for at, other in enumerate(part.samples) if other in both]
                taken = groups[..., columns]
                found[name] = taken.reshape(len(lines), -1)[:, :width]
        return found


def _grey(samples: Bytes | None) -> Image.Image:
    """Make an image of one plane; where there is none, one pixel of no colour."""
    if samples is None:
        return Image.new("L", (1, 1), 128)
    return Image.fromarray(np.ascontiguousarray(samples))


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, _BILINEAR)


def _rgb_samples(image: Image.Image) -> Samples:
    pixels = np.asarray(image)
    return Samples({name: pixels[..., at] for at, name in enumerate("RGB")})


def _put_ycbcr(canvas: Canvas, out: Bytes, images: YcbcrImages, place: Placement) -> int:
    assert canvas.raw is not None
    ranged = images.ranged(full_range=canvas.raw.full_range)
    chroma = (place.width // 2, place.height // 2 if canvas.shares_rows else place.height)
    samples = {"Y": np.asarray(_scaled(ranged.luma, place[2:]))}
    for name, image in (("U", ranged.cb), ("V", ranged.cr)):
        # Exact halves are plain averages.
        halved = image.size[0] >= chroma[0] and image.size[1] >= chroma[1]
        scaled = (
            image if image.size == chroma else image.resize(chroma, _BOX if halved else _BILINEAR)
        )
        samples[name] = np.asarray(scaled)
    return _put(canvas, out, Samples(samples), place)


def _put(canvas: Canvas, out: Bytes, samples: Samples, place: Placement) -> int:
    canvas.put(out, samples, place)
    return canvas.length


def _put_jpeg(data: bytes, out: Bytes) -> int:
    out[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)


def _split(image: Image.Image) -> YcbcrImages:
    luma, cb, cr = image.split()
    return YcbcrImages(luma, cb, cr, full_range=True)


def encode_jpeg(image: Image.Image, frame: tuple[int, int], room: int) -> bytes:
    """Give a JPEG of `frame` pixels with the picture in its middle; ValueError: more than room."""
    place = fit(image.size, frame)
    if image.size != place[2:]:
        image = image.resize(place[2:], Image.Resampling.BILINEAR)
    if place[2:] != frame:
        whole = Image.new("RGB", frame)
        whole.paste(image.convert("RGB"), place[:2])
        image = whole
    for quality in _JPEG_QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() <= room:
            return out.getvalue()
    raise ValueError(f"a JPEG of {out.tell()} bytes, there is room for {room}")
