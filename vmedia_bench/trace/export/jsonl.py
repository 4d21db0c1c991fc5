"""JSON lines: what `vmedia-bench commands --format jsonl` prints, to keep and to read again."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Final

from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.file import RecordReader, TraceFileError
from vmedia_bench.trace.record import Kind, Record, from_json, to_json

LONGEST: Final = 64 << 20
"""Bytes of a line: more is no record, and is not read into memory."""
_SIZES: Final = {
    "seq": 63,
    "start_ns": 63,
    "end_ns": 63,
    "head": 16,
    "used": 32,
    "session": 32,
    "rule": 32,
}
"""Bits that the numbers of a record have at most."""


def line(record: Record) -> dict[str, Any]:
    """A record as JSON says it: its bytes in base64, and the summary for who reads along."""
    entry = summarize(record)
    summary = {
        "verb": entry.verb,
        "name": entry.name,
        "status": entry.status_name,
        "latency_ns": entry.latency_ns,
        "text": entry.text,
    }
    return to_json(record) | {"session": entry.session} | summary


def write(records: Iterable[Record], file: BinaryIO, metadata: Mapping[str, Any]) -> int:
    """Write the metadata, if there is any, and a line for each record; how many records."""
    count = 0
    if metadata:
        file.write(_encoded({"metadata": dict(metadata)}))
    for record in records:
        file.write(_encoded(line(record)))
        count += 1
    return count


def read(file: BinaryIO) -> RecordReader:
    """The file's reader; raises TraceFileError for a first line that makes no sense."""
    return _Reader(file)


class _Reader(RecordReader):
    """Records of JSON lines."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._lines = self._parsed()
        self._first = next(self._lines, None)
        self.metadata = {}
        if self._first is not None and isinstance(self._first.get("metadata"), dict):
            self.metadata = self._first["metadata"]
            self._first = None

    def __iter__(self) -> Iterator[Record]:
        if self._first is not None:
            yield self._record(self._first)
        for fields in self._lines:
            yield self._record(fields)

    def _record(self, fields: dict[str, Any]) -> Record:
        try:
            record = _checked(from_json(fields))
        except (KeyError, ValueError, TypeError) as problem:
            raise TraceFileError(f"{self._name}: a line is no trace record: {problem}") from problem
        # Commands and events say their session in their bytes; the line repeats it for people.
        remark = record.kind in {Kind.FAULT, Kind.NOTE}
        return record if remark else record._replace(session=0)

    def _parsed(self) -> Iterator[dict[str, Any]]:
        for number, text in enumerate(iter(partial(self._file.readline, LONGEST), b""), 1):
            try:
                fields = json.loads(text)
            except (ValueError, RecursionError) as problem:
                if number > 1 and not text.endswith(b"\n"):
                    self.cut_off = f"{self._name} ends within line {number}, which is left out"
                    return
                raise TraceFileError(f"{self._name}: line {number} is no JSON") from problem
            if not isinstance(fields, dict):
                raise TraceFileError(f"{self._name}: line {number} is no JSON object")
            yield fields


def _checked(record: Record) -> Record:
    """The record, when a trace file can hold it; ValueError says what is wrong."""
    for name, bits in _SIZES.items():
        if not _is_number(getattr(record, name), bits):
            raise ValueError(f"{name} is no number of {bits} bits")
    for name in ("readable", "writable"):
        lengths = getattr(record, name)
        if len(lengths) >> 16 or not all(_is_number(length, 32) for length in lengths):
            raise ValueError(f"{name} are no lengths of descriptors")
    if not isinstance(record.note, str):
        raise TypeError("note is no text")
    return record


def _is_number(value: object, bits: int) -> bool:
    return type(value) is int and 0 <= value < 1 << bits


def _encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
