"""Formats that other programs read: one module each, found by name or by a file's suffix."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final

from vmedia_bench.trace.file import SUFFIX
from vmedia_bench.trace.record import Record


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """
    One format. Its module has `write(records, file, metadata) -> int`, how many records went in,
    and where `readable`, `read(file) -> RecordReader`.
    """

    name: str
    suffix: str
    summary: str
    module: str
    readable: bool = True


_HERE: Final = "vmedia_bench.trace.export"
FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        each.name: each
        for each in (
            ExportFormat("vmtrace", SUFFIX, "vmedia-bench's own", f"{_HERE}.vmtrace"),
            ExportFormat("jsonl", ".jsonl", "JSON, a record a line", f"{_HERE}.jsonl"),
            ExportFormat(
                "fields",
                ".fields.jsonl",
                "JSON, a record a line, every field by name",
                f"{_HERE}.fields",
                readable=False,
            ),
            ExportFormat(
                "pcapng",
                ".pcapng",
                "for Wireshark with docs/wireshark/vmedia.lua",
                f"{_HERE}.pcapng",
            ),
            ExportFormat(
                "v4l2-tracer",
                ".json",
                "for v4l2-tracer retrace on real hardware",
                f"{_HERE}.v4l2_tracer",
                readable=False,
            ),
        )
    }
)
"""Every format by name."""


def format_for(path: Path, name: str | None = None) -> ExportFormat:
    """
    The format of that name, or the one that the file's suffix stands for.

    Raises ValueError, which names those there are.
    """
    if name is not None:
        if name not in FORMATS:
            raise ValueError(f"{name!r} is no format; there are {', '.join(FORMATS)}")
        return FORMATS[name]
    fitting = [each for each in FORMATS.values() if path.name.endswith(each.suffix)]
    if not fitting:
        known = ", ".join(f"{each.suffix} ({each.name})" for each in FORMATS.values())
        raise ValueError(f"{path.name}: the suffix says no format; there are {known}")
    return max(fitting, key=lambda each: len(each.suffix))


def write_records(
    records: Iterable[Record],
    file: BinaryIO,
    chosen: ExportFormat,
    metadata: Mapping[str, Any] | None = None,
) -> int:
    """
    Write records in a format; how many.

    `metadata` is that of the trace they come from. Raises OSError, or ValueError where the format
    cannot say what is in them.
    """
    written: int = import_module(chosen.module).write(records, file, metadata or {})
    return written
