"""Frames, out of band: the bytes travel in a sealed memfd beside the result."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameParams:
    """Which frame."""

    session: Annotated[int | None, "Default: the session that got or sent the last frame"] = None
    buffer: Annotated[int | None, "Buffer index; default: the newest frame"] = None
    row_step: Annotated[int, "Only every so many rows, for previews; 1: all"] = 1
    newer_than: Annotated[
        int, "Give no frame up to this serial: `serial` is 0 then, and the file empty"
    ] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePlane:
    """Where a memory plane lies in the memfd, and how its rows do."""

    offset: int
    length: Annotated[int, "Bytes in the memfd"]
    bytesperline: Annotated[int, "Bytes a row; 0 for compressed formats"]
    rows: Annotated[int, "Rows of the picture, or of its first component there; 0: compressed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame's description."""

    serial: Annotated[int, "Counts the frames of the bench; 0: there is no newer one"]
    session: int
    buffer: int
    sequence: int
    timestamp_ns: int
    flags: tuple[str, ...]
    fourcc: str
    width: int
    height: int
    row_step: Annotated[int, "As granted: 1 for compressed formats"]
    colorspace: str
    ycbcr_enc: str
    quantization: str
    planes: tuple[FramePlane, ...]


OPERATIONS = (
    Operation("frames.get", "Give a frame.", FrameParams, Frame, "snapshot {path}", passes_fd=True),
)
