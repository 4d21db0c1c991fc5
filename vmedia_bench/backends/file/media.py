"""What a file is to its player: a description, and pictures with times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

from vmedia_bench.backends.file.pictures import Picture

NS: Final = 1_000_000_000
MAX_PIXELS: Final = 64 << 20
"""Pictures with more pixels are refused before they are decoded."""


class MediaError(Exception):
    """A file that cannot be played; one line that says why and what to do."""


class NoMediaError(MediaError):
    """A file that is not there, or that may not be read."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """
    A file, described: `size` is (width, height) in pixels, `rate` pictures a second.

    `duration_ns` is 0 for a still picture, and where nobody knows. `bt709` says by which matrix its
    Y'CbCr is coded: BT.709, else BT.601.
    """

    kind: str
    size: tuple[int, int]
    rate: Fraction
    duration_ns: int
    bt709: bool = False


class Shot(NamedTuple):
    """One picture of a file: when it is shown, and for how long, in ns from the beginning."""

    time_ns: int
    duration_ns: int
    picture: Picture


class Reader(Protocol):
    """An open file. Whatever fails raises MediaError."""

    @property
    def info(self) -> MediaInfo:
        """What the file is."""
        ...

    def play(self, start_ns: int) -> Iterator[Shot]:
        """Give the pictures from the one that is shown at `start_ns` to the last."""
        ...


def check_pixels(path: object, size: tuple[int, int]) -> None:
    """MediaError for a picture that is empty, or larger than anybody needs."""
    width, height = size
    if width < 1 or height < 1:
        raise MediaError(f"{path}: a picture of {width}x{height} pixels has nothing to show")
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"{path}: a picture of {width}x{height} pixels is larger than the "
            f"{MAX_PIXELS >> 20} Mi pixels that can be shown: scale it down first"
        )
