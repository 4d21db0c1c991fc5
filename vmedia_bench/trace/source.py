"""Traces from files of any format that can be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from vmedia_bench.trace.export import FORMATS, format_for
from vmedia_bench.trace.file import RecordReader, TraceFileError


@contextmanager
def open_trace(path: Path) -> Iterator[RecordReader]:
    """
    A trace by its file's suffix, to iterate over once.

    Raises OSError, and TraceFileError (also while iterating) for what is no such trace.
    """
    try:
        chosen = format_for(path)
    except ValueError:
        chosen = FORMATS["vmtrace"]
    if not chosen.readable:
        known = ", ".join(each.suffix for each in FORMATS.values() if each.readable)
        raise TraceFileError(f"{path}: {chosen.name} cannot be read back; what can is {known}")
    with path.open("rb") as file:
        reader: RecordReader = import_module(chosen.module).read(file)
        yield reader
