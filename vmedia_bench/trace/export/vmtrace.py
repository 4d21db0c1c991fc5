"""Our own format as one of the formats."""

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from vmedia_bench.trace.file import TraceReader, TraceWriter
from vmedia_bench.trace.record import Record


def write(records: Iterable[Record], file: BinaryIO, metadata: Mapping[str, Any]) -> int:
    """Write records behind a header with the metadata; how many."""
    writer = TraceWriter(file, metadata)
    count = 0
    for record in records:
        writer.write(record)
        count += 1
    return count


def read(file: BinaryIO) -> TraceReader:
    """The file's reader; raises TraceFileError."""
    return TraceReader(file)
