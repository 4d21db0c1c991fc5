"""
The .vmtrace format: records one after the other behind a header. docs/trace.md describes it.

Everything is little-endian. A file whose writer was stopped in the middle of a record is read up
to its last whole record, and `TraceReader.cut_off` says so.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from typing import Any, BinaryIO, Final

from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.trace.ring import FAULT, KINDS, Lengths, Raw

SUFFIX: Final = ".vmtrace"
MAGIC: Final = b"VMTRACE\n"
VERSION: Final = 1
HEADER: Final = Struct("<8sHHI")
"""magic, version, reserved, bytes of JSON that follow."""
RECORD: Final = Struct("<IBxHHHQQQIIIII")
"""
size of the rest, kind (0 command, 1 event, 2 fault, 3 note), readable and writable descriptors,
head, seq, start_ns, end_ns, used, session, rule, bytes of request (or text), bytes of response.

Then the lengths of the readable and of the writable descriptors as u32, request, response.
"""
LONGEST_METADATA: Final = 1 << 20
LONGEST_RECORD: Final = 64 << 20
_SIZE: Final = Struct("<I")
_REST: Final = RECORD.size - _SIZE.size
_READ_AT_ONCE: Final = 1 << 20
_pack = RECORD.pack


class TraceFileError(Exception):
    """A file that is no trace, or is damaged; one line says what and where."""


class Packer:
    """Raw records as bytes. Remembers the shapes of chains, which repeat."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[Lengths, Lengths], bytes] = {}

    def pack(self, first: int, records: Iterable[Raw]) -> bytes:
        """Records that came one after the other, the first with seq `first`."""
        parts: list[bytes] = []
        append, shapes = parts.append, self._shapes
        for seq, raw in enumerate(records, first):
            if raw[0] >= FAULT:
                append(_pack_remark(seq, raw))
                continue
            # Both kinds of tuple are told apart by their kind.
            kind, head, request, readable, writable, answer, used, started, ended = raw  # type: ignore[misc]
            shape = shapes.get((readable, writable))
            if shape is None:
                shape = self._shape(readable, writable)
            room = sum(writable)
            if len(answer) > room:
                answer = answer[:room]
            asked, answered = len(request), len(answer)
            # fmt: off
            append(_pack(
                _REST + len(shape) + asked + answered, kind, len(readable), len(writable), head,
                seq, started, ended, used, 0, 0, asked, answered,
            ))
            # fmt: on
            append(shape)
            append(request)
            append(answer)
        return b"".join(parts)

    def _shape(self, readable: Lengths, writable: Lengths) -> bytes:
        both = (*readable, *writable)
        shape = Struct(f"<{len(both)}I").pack(*both)
        if len(self._shapes) > 1024:
            self._shapes.clear()
        self._shapes[readable, writable] = shape
        return shape


def _pack_remark(seq: int, raw: Raw) -> bytes:
    kind, moment, text, session, rule = raw  # type: ignore[misc]
    return _packed(Record(seq, KINDS[kind], moment, moment, note=text, session=session, rule=rule))


def _packed(record: Record) -> bytes:
    """Any record as bytes."""
    remark = record.kind in {Kind.FAULT, Kind.NOTE}
    request = record.note.encode() if remark else record.request
    both = (*record.readable, *record.writable)
    shape = Struct(f"<{len(both)}I").pack(*both)
    size = _REST + len(shape) + len(request) + len(record.response)
    fixed = _pack(
        size,
        KINDS.index(record.kind),
        len(record.readable),
        len(record.writable),
        record.head,
        record.seq,
        record.start_ns,
        record.end_ns,
        record.used,
        record.session,
        record.rule,
        len(request),
        len(record.response),
    )
    return b"".join((fixed, shape, request, record.response))


def header(metadata: Mapping[str, Any]) -> bytes:
    """The beginning of a file. `metadata` is anything that JSON can say."""
    text = json.dumps(dict(metadata), ensure_ascii=False).encode()
    return HEADER.pack(MAGIC, VERSION, 0, len(text)) + text


class TraceWriter:
    """Writes records to an open file, for who has them already; a bench uses `Recording`."""

    def __init__(self, file: BinaryIO, metadata: Mapping[str, Any] | None = None) -> None:
        """Raises OSError."""
        self._file = file
        file.write(header(metadata or {}))

    def write(self, record: Record) -> None:
        """Raises OSError."""
        self._file.write(_packed(record))


class RecordReader(ABC):
    """
    The records of an open file, once: iterate over it, which raises OSError and TraceFileError.

    `metadata` is what its writer said. `cut_off` says, after the last record, that the file ends
    within a record; empty where it does not.
    """

    metadata: dict[str, Any]

    def __init__(self, file: BinaryIO) -> None:
        """Raises OSError, or TraceFileError where it is no trace of that format."""
        self._file = file
        self._name = str(getattr(file, "name", "the trace"))
        self.cut_off = ""

    @abstractmethod
    def __iter__(self) -> Iterator[Record]: ...


class TraceReader(RecordReader):
    """Records of a .vmtrace file."""

    def __init__(self, file: BinaryIO) -> None:
        """As RecordReader."""
        super().__init__(file)
        self.metadata = self._metadata()

    def _metadata(self) -> dict[str, Any]:
        start = self._file.read(HEADER.size)
        if len(start) < HEADER.size or start[: len(MAGIC)] != MAGIC:
            raise TraceFileError(f"{self._name} is no {SUFFIX} file")
        _, version, _, length = HEADER.unpack(start)
        if version != VERSION:
            raise TraceFileError(
                f"{self._name} has version {version} of the format, this program reads {VERSION}"
            )
        text = self._file.read(length) if length <= LONGEST_METADATA else b""
        try:
            metadata = json.loads(text)
        except ValueError:
            metadata = None
        if len(text) < length or not isinstance(metadata, dict):
            raise TraceFileError(f"{self._name}: the header is damaged")
        return metadata

    def __iter__(self) -> Iterator[Record]:
        data, at, base = b"", 0, self._file.tell()
        while True:
            known = len(data) - at >= _SIZE.size
            whole = _SIZE.unpack_from(data, at)[0] + _SIZE.size if known else RECORD.size
            if not RECORD.size <= whole <= LONGEST_RECORD:
                raise TraceFileError(f"{self._name}: no record begins at byte {base + at}")
            if known and len(data) - at >= whole:
                yield self._record(data, at, whole, base)
                at += whole
                continue
            more = self._file.read(max(_READ_AT_ONCE, whole))
            if not more:
                break
            base += at
            data, at = data[at:] + more, 0
        if len(data) > at:
            self.cut_off = f"{self._name} ends within a record, {len(data) - at} bytes are left out"

    def _record(self, data: bytes, at: int, whole: int, base: int) -> Record:
        fixed = RECORD.unpack_from(data, at)
        _, kind, readable, writable, head, seq, start, end, used, session, rule, *sizes = fixed
        asked, answered = sizes
        shape = at + RECORD.size
        body = shape + 4 * (readable + writable)
        if kind >= len(KINDS) or body + asked + answered != at + whole:
            raise TraceFileError(f"{self._name}: the record at byte {base + at} is damaged")
        lengths = Struct(f"<{readable + writable}I").unpack_from(data, shape)
        request = data[body : body + asked]
        if kind >= FAULT:
            note = request.decode(errors="replace")
            return Record(seq, KINDS[kind], start, end, note=note, session=session, rule=rule)
        response = data[body + asked : body + asked + answered]
        return Record(
            seq,
            KINDS[kind],
            start,
            end,
            head,
            lengths[:readable],
            lengths[readable:],
            used,
            request,
            response,
        )
