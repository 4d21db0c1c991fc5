"""How a loopback is asked for: plain data, checked, cheap to import."""

from dataclasses import dataclass, field
from typing import Final, Literal

from vmedia_bench.backends.pattern.formats import RAW_FORMATS
from vmedia_bench.wire.v4l2 import fourcc, fourcc_name

MIN_SIZE: Final = (32, 32)
MAX_SIZE: Final = (4096, 2304)
MULTIPLANAR_ONLY: Final = frozenset(("NM12", "YM12"))

Mode = Literal["m2m", "pair"]


def raw_codes(*, mplane: bool) -> tuple[str, ...]:
    """Give the four-character codes of the raw formats, the default one first."""
    codes = (fourcc_name(code) for code in RAW_FORMATS)
    return tuple(code for code in codes if mplane or code not in MULTIPLANAR_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackOptions:
    """
    What both queues start with; a guest changes it by S_FMT on the output.

    With `mode` m2m every session has both queues to itself; with pair one session outputs what
    another one captures. `size` is (width, height) in pixels, both even. Raises ValueError for
    what cannot be.
    """

    mode: Mode = field(
        default="m2m",
        metadata={
            "help": "m2m: each session gets its own frames back; pair: another session does.",
            "choices": ("m2m", "pair"),
        },
    )
    size: tuple[int, int] = field(default=(640, 480), metadata={"help": "Width and height."})
    format: str = field(default="YUYV", metadata={"help": "Pixel format to start with."})
    mplane: bool = field(default=False, metadata={"help": "Use the multi-planar API."})
    card: str = field(default="vmedia-bench loopback", metadata={"help": "Name of the device."})

    def __post_init__(self) -> None:
        if self.mode not in {"m2m", "pair"}:
            raise ValueError(f"mode {self.mode!r}: not m2m or pair")
        codes = raw_codes(mplane=self.mplane)
        if self.format not in codes:
            raise ValueError(f"format {self.format!r}: not one of {', '.join(codes)}")
        check_size(self.size)
        check_card(self.card)

    @property
    def pixelformat(self) -> int:
        """The fourcc to start with."""
        return fourcc(self.format)


def check_size(size: tuple[int, int]) -> None:
    """ValueError for a frame size that is odd or out of range."""
    ranges = zip(size, MIN_SIZE, MAX_SIZE, strict=True)
    if any(value % 2 or not low <= value <= high for value, low, high in ranges):
        limits = f"{MIN_SIZE[0]}x{MIN_SIZE[1]} to {MAX_SIZE[0]}x{MAX_SIZE[1]}"
        raise ValueError(f"size {size[0]}x{size[1]}: not even, or not {limits}")


def check_card(card: str) -> None:
    """ValueError for a device name that the config space cannot hold."""
    if not 0 < len(card.encode()) <= 32:
        raise ValueError(f"card {card!r}: not 1 to 32 bytes")
