"""How a pattern camera is asked for: plain data, checked, cheap to import."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from vmedia_bench.backends.pattern.formats import RATES, SIZES, format_codes

PATTERNS: Final = ("smpte", "box", "gradient", "checker", "noise", "solid", "ramp")
"""Names an operator types; their order is that of the Test Pattern menu."""

PATTERN_TITLES: Final = (
    "SMPTE Colour Bars",
    "Moving Box",
    "Gradient",
    "Checkerboard",
    "Noise",
    "Solid Colour",
    "Grey Ramp",
)

MOTION_LIMIT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternOptions:
    """
    What the camera starts with; the guest may change all of it but `mplane` and `card`.

    `size` is (width, height) in pixels and `format` a four-character code, both out of what the
    camera offers (`format` None: the first). `fps` is frames a second, the nearest rate is taken,
    and 0 means unpaced: frames as fast as buffers come. `motion` is pixels a frame to the right,
    even; `colour` is 0xRRGGBB for the solid pattern. Raises ValueError for what does not exist.
    """

    pattern: str = field(
        default="smpte", metadata={"help": "Picture to show.", "choices": PATTERNS}
    )
    size: tuple[int, int] = field(default=(640, 480), metadata={"help": "Width and height."})
    format: str | None = field(default=None, metadata={"help": "Pixel format to start with."})
    fps: Fraction | float = field(default=30, metadata={"help": "Frames a second; 0: unpaced."})
    mplane: bool = field(default=False, metadata={"help": "Use the multi-planar API."})
    text: bool = field(default=True, metadata={"help": "Burn frame number and time in."})
    motion: int = field(default=0, metadata={"help": "Pixels a frame to the right."})
    colour: int = field(default=0x2060C0, metadata={"help": "Solid colour, 0xRRGGBB."})
    card: str = field(default="vmedia-bench pattern", metadata={"help": "Name of the device."})

    def __post_init__(self) -> None:
        _one_of("pattern", self.pattern, PATTERNS)
        if self.format is not None:
            _one_of("format", self.format, format_codes(mplane=self.mplane))
        if self.size not in SIZES:
            known = ", ".join(f"{width}x{height}" for width, height in SIZES)
            raise ValueError(f"size {self.size[0]}x{self.size[1]}: not one of {known}")
        if self.fps and not min(RATES) <= self.fps <= max(RATES):
            raise ValueError(f"fps {self.fps}: not 0 and not {min(RATES)} to {max(RATES)}")
        if abs(self.motion) > MOTION_LIMIT or self.motion % 2:
            limit = f"-{MOTION_LIMIT} to {MOTION_LIMIT}"
            raise ValueError(f"motion {self.motion}: not an even number from {limit}")
        if not 0 <= self.colour <= 0xFFFFFF:
            raise ValueError(f"colour {self.colour:#x}: not 0 to 0xffffff")
        if not 0 < len(self.card.encode()) <= 32:
            raise ValueError(f"card {self.card!r}: not 1 to 32 bytes")

    @property
    def paced(self) -> bool:
        """Whether frames come by the clock."""
        return bool(self.fps)


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{what} {value!r}: not one of {', '.join(known)}")
