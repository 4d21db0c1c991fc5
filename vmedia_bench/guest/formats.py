"""What a guest gets to know about pictures: formats, frame sizes and intervals, as values."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """One memory plane of a picture: bytes from line to line, bytes in all."""

    bytesperline: int
    sizeimage: int


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A negotiated format (v4l2_format of a video queue); numbers as videodev2.h has them."""

    type: int
    width: int
    height: int
    pixelformat: int
    field: int = 1
    colorspace: int = 0
    ycbcr_enc: int = 0
    quantization: int = 0
    xfer_func: int = 0
    flags: int = 0
    planes: tuple[PlaneLayout, ...] = (PlaneLayout(0, 0),)


@dataclass(frozen=True, slots=True)
class FormatEntry:
    """One answer of ENUM_FMT."""

    index: int
    pixelformat: int
    flags: int
    description: str


@dataclass(frozen=True, slots=True)
class FrameSize:
    """One answer of ENUM_FRAMESIZES, in pixels; a discrete size has equal ends and step 0."""

    min_width: int
    max_width: int
    step_width: int
    min_height: int
    max_height: int
    step_height: int

    @property
    def discrete(self) -> bool:
        """Whether this is one size only."""
        return self.min_width == self.max_width and self.min_height == self.max_height


@dataclass(frozen=True, slots=True)
class FrameInterval:
    """One answer of ENUM_FRAMEINTERVALS, in seconds; a discrete one has equal ends and step 0."""

    shortest: Fraction
    longest: Fraction
    step: Fraction

    @property
    def discrete(self) -> bool:
        """Whether this is one interval only."""
        return self.shortest == self.longest


@dataclass(frozen=True, slots=True)
class InputEntry:
    """One answer of ENUMINPUT or ENUMOUTPUT."""

    index: int
    name: str
    type: int
    status: int
    capabilities: int
