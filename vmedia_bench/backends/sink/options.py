"""How a sink is asked for: plain data, checked, cheap to import."""

from dataclasses import dataclass, field
from fractions import Fraction
from importlib.util import find_spec
from os import W_OK, access
from pathlib import Path
from typing import Final

from vmedia_bench.backends.loopback.options import check_card, check_size, raw_codes
from vmedia_bench.backends.pattern.formats import RATES

Y4M: Final = ".y4m"
CONTAINERS: Final = (".mp4", ".mkv", ".mov")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkOptions:
    """
    What the display starts with; a guest changes it by S_FMT and S_PARM.

    `fps` is how many frames a second it takes, and a recording has (0: as fast as they come, and
    30). `record` names the file of the first recording; every STREAMON begins another one, with a
    number behind its name. Raises ValueError for what cannot be.
    """

    size: tuple[int, int] = field(default=(640, 480), metadata={"help": "Width and height."})
    format: str = field(default="YUYV", metadata={"help": "Pixel format to start with."})
    fps: Fraction | float = field(
        default=0, metadata={"help": "Take so many frames a second; 0: as fast as they come."}
    )
    record: Path | None = field(
        default=None, metadata={"help": "Record to this file: .y4m, or with PyAV .mp4 .mkv .mov."}
    )
    mplane: bool = field(default=False, metadata={"help": "Use the multi-planar API."})
    card: str = field(default="vmedia-bench sink", metadata={"help": "Name of the device."})

    def __post_init__(self) -> None:
        codes = (*raw_codes(mplane=self.mplane), "MJPG")
        if self.format not in codes:
            raise ValueError(f"format {self.format!r}: not one of {', '.join(codes)}")
        if self.fps and not min(RATES) <= self.fps <= max(RATES):
            raise ValueError(f"fps {self.fps}: not 0 and not {min(RATES)} to {max(RATES)}")
        check_size(self.size)
        check_card(self.card)
        if self.record is not None:
            _check_recording(self.record)


def _check_recording(path: Path) -> None:
    suffix = path.suffix.lower()
    if suffix != Y4M and suffix not in CONTAINERS:
        raise ValueError(f"record {path}: not {Y4M}, {', '.join(CONTAINERS)}")
    if suffix in CONTAINERS and find_spec("av") is None:
        raise ValueError(f"record {path}: needs PyAV: pip install 'vmedia-bench[av]', or use {Y4M}")
    if not path.parent.is_dir():
        raise ValueError(f"record {path}: {path.parent} is not a folder: make it first")
    if not access(path.parent, W_OK):
        raise ValueError(f"record {path}: {path.parent} cannot be written to")
