"""What has to be known of a raw frame to show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview


class PictureError(Exception):
    """A frame cannot be shown: an unknown pixel format, or too few bytes."""


class PlaneRows(Protocol):
    """How the rows of one memory plane lie."""

    @property
    def bytesperline(self) -> int:
        """Bytes from row to row; 0: no more than the pixels need."""
        ...


class PictureFormat(Protocol):
    """A raw frame's format, as v4l2_pix_format has it; a guest's VideoFormat is one."""

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def pixelformat(self) -> int:
        """Four-character code."""
        ...

    @property
    def planes(self) -> Sequence[PlaneRows]:
        """One entry a memory plane."""
        ...

    @property
    def colorspace(self) -> int:
        """V4L2_COLORSPACE_*."""
        ...

    @property
    def ycbcr_enc(self) -> int:
        """V4L2_YCBCR_ENC_*; 0: as the colorspace says."""
        ...

    @property
    def quantization(self) -> int:
        """V4L2_QUANTIZATION_*; 0: as the colorspace says."""
        ...


@dataclass(frozen=True, slots=True)
class RawPlane:
    """A plane's rows, for those who have no format object of their own."""

    bytesperline: int = 0


@dataclass(frozen=True, slots=True)
class RawFormat:
    """A PictureFormat made of plain values."""

    width: int
    height: int
    pixelformat: int
    planes: tuple[RawPlane, ...] = ()
    colorspace: int = 0
    ycbcr_enc: int = 0
    quantization: int = 0
