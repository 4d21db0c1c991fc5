"""Where trace records come from: a file, or the memory of a running bench."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmedia_bench.cli.asking import connected
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.output import narrate
from vmedia_bench.cli.records import read_records
from vmedia_bench.trace.file import TraceFileError
from vmedia_bench.trace.record import Record
from vmedia_bench.trace.source import open_trace


@dataclass(frozen=True, slots=True)
class Source:
    """Records, oldest first and once, and what is known of them as a whole."""

    records: Iterator[Record]
    metadata: Mapping[str, Any]


@contextmanager
def records_of(file: Path | None, bench: str | None) -> Iterator[Source]:
    """The records of a file, or of a bench; a damaged file ends the command."""
    if file is None:
        with connected(bench) as client:
            clocks = {"realtime_ns": time.time_ns(), "monotonic_ns": time.monotonic_ns()}
            yield Source(read_records(client), {"bench": client.name, **clocks})
        return
    try:
        with open_trace(file) as reader:
            yield Source(iter(reader), reader.metadata)
            if reader.cut_off:
                narrate(reader.cut_off)
    except TraceFileError as error:
        raise CommandFailedError(str(error)) from error
    except OSError as error:
        raise CommandFailedError(
            f"cannot read {file}: {error.strerror or error}", ExitCode.MISSING
        ) from error


def one(records: Iterable[Record], seq: int) -> Record | None:
    """The record of that number."""
    return next((record for record in records if record.seq == seq), None)
