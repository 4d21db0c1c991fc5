"""The newest lines of the bench's log, for those who were not there."""

import logging
from collections import deque
from itertools import islice

from vmedia_bench.control.operations.live import LogLine

ROOT = "vmedia_bench"
KEPT = 2000


class LogBuffer(logging.Handler):
    """A logging handler that keeps the last lines; `attach` puts it on our own loggers."""

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=kept)
        self.last = 0
        """The seq of the newest line, 0 for none."""

    def attach(self) -> None:
        """Take part in all logging of this package."""
        logging.getLogger(ROOT).addHandler(self)

    def detach(self) -> None:
        """Leave logging alone again."""
        logging.getLogger(ROOT).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record, its traceback included."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (as logging does: a bad log call ends nothing)
            self.handleError(record)
            return
        self.last += 1
        room = record.name.removeprefix(f"{ROOT}.").partition(".")[0]
        line = LogLine(
            seq=self.last, time=record.created, level=record.levelname, room=room, text=text
        )
        self._lines.append(line)

    @property
    def first(self) -> int:
        """The seq of the oldest line that is kept; 0 for none."""
        return self._lines[0].seq if self._lines else 0

    def read(self, after: int, limit: int) -> tuple[LogLine, ...]:
        """Lines with a higher seq, oldest first; negative: the newest that many."""
        if after < 0:
            after = max(0, self.last + after)
        skipped = max(0, after + 1 - self.first)
        kept = len(self._lines)
        return tuple(islice(self._lines, skipped, min(skipped + max(0, limit), kept)))
