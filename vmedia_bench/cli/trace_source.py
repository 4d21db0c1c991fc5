"""Where trace records come from: a file, or the memory of a running bench."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vmedia_bench.cli.asking import connected
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.output import narrate
from vmedia_bench.cli.records import read_records
from vmedia_bench.trace.file import TraceFileError, TraceReader
from vmedia_bench.trace.record import Record


@contextmanager
def records_of(file: Path | None, bench: str | None) -> Iterator[Iterator[Record]]:
    """The records, oldest first; a file that is none, or is damaged, ends the command."""
    if file is None:
        with connected(bench) as client:
            yield read_records(client)
        return
    try:
        with TraceReader(file) as reader:
            yield iter(reader)
            if reader.cut_off:
                narrate(reader.cut_off)
    except TraceFileError as error:
        raise CommandFailedError(str(error)) from error
    except OSError as error:
        raise CommandFailedError(
            f"cannot read {file}: {error.strerror or error}", ExitCode.MISSING
        ) from error


def newest(records: Iterable[Record], count: int) -> list[Record]:
    """The last `count` of them, 0 for all."""
    return list(deque(records, maxlen=count or None))


def one(records: Iterable[Record], seq: int) -> Record | None:
    """The record of that number."""
    return next((record for record in records if record.seq == seq), None)
