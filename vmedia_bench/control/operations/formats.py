"""The formats, sizes and rates that the device offers."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Operation
from vmedia_bench.control.operations.buffers import BufferParams


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRow:
    """One entry of ENUM_FMT."""

    queue: Annotated[str, "Buffer type"]
    fourcc: str
    description: str
    flags: tuple[str, ...]
    sizes: Annotated[tuple[str, ...], "WIDTHxHEIGHT each, or one range MINxMIN-MAXxMAX/STEPxSTEP"]
    fps: Annotated[tuple[float, ...], "Rates at the first size; empty where there is no rate"]
    planes: Annotated[int, "Memory planes"]
    current: Annotated[bool, "The format in force"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatList:
    """All formats, queue by queue."""

    formats: tuple[FormatRow, ...]


OPERATIONS = (
    Operation(
        "formats.list", "List formats, sizes and rates.", BufferParams, FormatList, "formats"
    ),
)
