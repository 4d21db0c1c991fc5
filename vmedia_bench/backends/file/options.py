"""How a file camera is asked for: plain data, checked, cheap to import."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

from vmedia_bench.backends.loopback.options import check_card, check_size, raw_codes
from vmedia_bench.backends.pattern.formats import RATES, format_codes

SPEEDS: Final = (0, 1600)
"""Least and greatest playing speed, in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """
    What to play, and what the camera starts with.

    `size` and `format` are the frame's that the guest finds first (None: the file's own size,
    YUYV); a picture of other proportions gets black bars. `fps` is frames a second of the camera
    (None: the file's own rate; 0: frames as fast as buffers come). `raw_format`, `raw_size` and
    `raw_fps` say what a file without a header holds. Raises ValueError for what cannot be.
    """

    path: Path = field(metadata={"help": "Picture, animation or video to play."})
    loop: bool = field(default=True, metadata={"help": "Begin again at the end; no: EOS event."})
    speed: int = field(default=100, metadata={"help": "Playing speed in percent; 0: paused."})
    start: float = field(default=0, metadata={"help": "Where to begin, in seconds."})
    size: tuple[int, int] | None = field(
        default=None, metadata={"help": "Frame size to start with [the file's own]."}
    )
    format: str | None = field(default=None, metadata={"help": "Pixel format to start with."})
    fps: Fraction | float | None = field(
        default=None, metadata={"help": "Frames a second; 0: unpaced [the file's own]."}
    )
    mplane: bool = field(default=False, metadata={"help": "Use the multi-planar API."})
    raw_format: str | None = field(
        default=None, metadata={"help": "The file is raw frames of this pixel format."}
    )
    raw_size: tuple[int, int] | None = field(
        default=None, metadata={"help": "Width and height of the raw frames."}
    )
    raw_fps: Fraction | float = field(
        default=30, metadata={"help": "Frames a second of raw frames and MJPEG files."}
    )
    card: str = field(default="vmedia-bench file", metadata={"help": "Name of the device."})

    def __post_init__(self) -> None:
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise ValueError(f"speed {self.speed}: not {SPEEDS[0]} to {SPEEDS[1]} percent")
        if self.start < 0:
            raise ValueError(f"start {self.start}: not 0 seconds or more")
        if self.size is not None:
            check_size(self.size)
        codes = format_codes(mplane=self.mplane)
        if self.format is not None and self.format not in codes:
            raise ValueError(f"format {self.format!r}: not one of {', '.join(codes)}")
        if self.fps and not min(RATES) <= self.fps <= max(RATES):
            raise ValueError(f"fps {self.fps}: not 0 and not {min(RATES)} to {max(RATES)}")
        if not 0 < self.raw_fps <= 1000:
            raise ValueError(f"raw_fps {self.raw_fps}: not above 0 and at most 1000")
        self._check_raw()
        check_card(self.card)

    def _check_raw(self) -> None:
        if (self.raw_format is None) != (self.raw_size is None):
            raise ValueError("raw_format and raw_size: a raw file needs both")
        if self.raw_format is None or self.raw_size is None:
            return
        codes = raw_codes(mplane=True)
        if self.raw_format not in codes:
            raise ValueError(f"raw_format {self.raw_format!r}: not one of {', '.join(codes)}")
        if (
            min(self.raw_size) < 2
            or max(self.raw_size) > 16384
            or any(n % 2 for n in self.raw_size)
        ):
            width, height = self.raw_size
            raise ValueError(f"raw_size {width}x{height}: not even, or not 2x2 to 16384x16384")
