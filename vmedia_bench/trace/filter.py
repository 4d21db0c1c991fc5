"""
Filter expressions over records: `ioctl == VIDIOC_QBUF and session == 3 and status != 0`.

`compile_filter(text)` gives a Filter, or raises FilterError with the place of the mistake. What a
name stands for is in `filter_fields`, the grammar in `filter_parser`; completion for a command
line is `filter_completion.complete`.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from vmedia_bench.trace.entry import Entry, summarize
from vmedia_bench.trace.filter_parser import FilterError, Test, parse
from vmedia_bench.trace.record import AnyRecord

__all__ = ["Filter", "FilterError", "compile_filter"]

AnyRecordT = TypeVar("AnyRecordT", bound=AnyRecord)


class Filter:
    """A compiled expression; an empty one accepts everything."""

    __slots__ = ("_test", "text")

    def __init__(self, text: str, test: Test | None) -> None:
        self.text = text
        self._test = test

    def __call__(self, record: AnyRecord, entry: Entry | None = None) -> bool:
        """Whether the record is wanted; `entry` is its summary where the caller has it already."""
        return self._test is None or self._test(record, entry or summarize(record))

    def select(self, records: Iterable[AnyRecordT]) -> Iterator[AnyRecordT]:
        """The records that are wanted."""
        return (record for record in records if self(record))


def compile_filter(text: str) -> Filter:
    """Understand an expression; raises FilterError."""
    return Filter(text, parse(text))
