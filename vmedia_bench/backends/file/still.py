"""Still pictures and animations, by Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from vmedia_bench.backends.file.media import NS, MediaError, MediaInfo, Shot, check_pixels
from vmedia_bench.backends.file.pictures import ImagePicture

_MSEC: Final = 1_000_000
# What browsers take for a GIF that says 0.
_DEFAULT_DELAY_MS: Final = 100
_MAX_FRAMES: Final = 10_000
# Formats that run another program, or that a video reader does better.
_NOT_THESE: Final = frozenset(("EPS", "WMF", "MPEG"))


class StillReader:
    """A picture or an animation; its frames are decoded one after another as they are played."""

    def __init__(self, path: Path) -> None:
        self._path = path
        image = self._open()
        check_pixels(path, image.size)
        self._frames = min(int(getattr(image, "n_frames", 1)), _MAX_FRAMES)
        if self._frames > 1:
            self._delays_ns = [self._delay(image, index) for index in range(self._frames)]
            total = sum(self._delays_ns)
            rate = Fraction(self._frames * NS, total)
            self.info = MediaInfo(f"{image.format} animation", image.size, rate, total)
            return
        self._delays_ns = [0]
        picture = self._picture(image)
        self.info = MediaInfo(f"{image.format} picture", picture.image.size, Fraction(30), 0)

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the frames from the one at `start_ns` on."""
        image = self._open()
        time_ns = 0
        for index, delay in enumerate(self._delays_ns):
            if time_ns + delay > start_ns or self._frames == 1:
                self._seek(image, index)
                yield Shot(time_ns, delay, self._picture(image))
            time_ns += delay

    def _open(self) -> Image.Image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(self._path)
        except Image.DecompressionBombError as error:
            raise MediaError(f"{self._path}: too large to be shown: scale it down first") from error
        if image.format in _NOT_THESE:
            raise UnidentifiedImageError(f"{image.format} is not read by Pillow")
        return image

    def _seek(self, image: Image.Image, index: int) -> None:
        try:
            image.seek(index)
        except (OSError, EOFError, ValueError, SyntaxError) as error:
            raise MediaError(f"{self._path}: frame {index} cannot be read: {error}") from error

    def _delay(self, image: Image.Image, index: int) -> int:
        self._seek(image, index)
        milliseconds = float(image.info.get("duration") or _DEFAULT_DELAY_MS)
        return int(max(1.0, milliseconds) * _MSEC)

    def _picture(self, image: Image.Image) -> ImagePicture:
        """Decode; what is transparent is on black, and cameras' turned pictures are upright."""
        try:
            image.load()
            upright = ImageOps.exif_transpose(image) if self._frames == 1 else image
        except (OSError, ValueError, SyntaxError) as error:
            raise MediaError(f"{self._path}: cannot be decoded: {error}") from error
        if upright.has_transparency_data:
            pixels = upright.convert("RGBA")
            black = Image.new("RGB", pixels.size)
            black.paste(pixels, mask=pixels.getchannel("A"))
            return ImagePicture(black)
        return ImagePicture(upright.convert("RGB"))
