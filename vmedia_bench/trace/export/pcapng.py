"""
pcapng for Wireshark, link type USER0 (147), with a header of ours before each packet's bytes.

A command is two packets, one each way; the second is left out where nothing was written. Events,
faults and notes are one. Interfaces are the rings: commandq, eventq, and bench for what is no
traffic. docs/trace.md describes the header, docs/wireshark/vmedia.lua reads it.
Source: draft-ietf-opsawg-pcapng.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, BinaryIO, Final, NamedTuple

from vmedia_bench import __version__
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.file import LONGEST_RECORD, RecordReader, TraceFileError
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire.media import CMD_IOCTL

LINKTYPE_USER0: Final = 147
VERSION: Final = 1
HEADER: Final = Struct("<BBHIQQQIIIIHH")
"""version, what, head, command, seq, start_ns, end_ns, ioctl, session, rule, used, readable and
writable descriptors; then their lengths as u32, then the bytes."""


class What(IntEnum):
    """What a packet holds."""

    REQUEST = 0
    RESPONSE = 1
    EVENT = 2
    FAULT = 3
    NOTE = 4


INTERFACES: Final = ("commandq", "eventq", "bench")
_INTERFACE_OF: Final = {
    What.REQUEST: 0,
    What.RESPONSE: 0,
    What.EVENT: 1,
    What.FAULT: 2,
    What.NOTE: 2,
}
_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6
_BLOCK: Final = Struct("<II")
_TRAILER: Final = Struct("<I")
_SECTION_BODY: Final = Struct("<IHHq")
_MAGIC: Final = 0x1A2B3C4D
_INTERFACE_BODY: Final = Struct("<HHI")
_PACKET_BODY: Final = Struct("<IIIII")
_OPTION: Final = Struct("<HH")
_COMMENT, _USER_APPLICATION, _NAME, _FLAGS, _RESOLUTION = 1, 4, 2, 2, 9
_INBOUND, _OUTBOUND = 1, 2
"""As the device sees it."""
_NANOSECONDS: Final = b"\x09"
_REMARKS: Final = {Kind.FAULT: What.FAULT, Kind.NOTE: What.NOTE}


def write(records: Iterable[Record], file: BinaryIO, metadata: Mapping[str, Any]) -> int:
    """Write records; how many. The wall-clock times need the clocks in the metadata."""
    text = json.dumps(dict(metadata), ensure_ascii=False).encode()
    program = f"vmedia-bench {__version__}".encode()
    section = _SECTION_BODY.pack(_MAGIC, 1, 0, -1)
    file.write(_block(_SECTION, section + _options((_COMMENT, text), (_USER_APPLICATION, program))))
    for name in INTERFACES:
        body = _INTERFACE_BODY.pack(LINKTYPE_USER0, 0, 0)
        options = _options((_NAME, name.encode()), (_RESOLUTION, _NANOSECONDS))
        file.write(_block(_INTERFACE, body + options))
    clocks = [metadata.get(name, 0) for name in ("realtime_ns", "monotonic_ns")]
    if not all(isinstance(clock, int) for clock in clocks):
        raise ValueError(f"realtime_ns and monotonic_ns of the trace are no numbers: {clocks}")
    behind = clocks[0] - clocks[1]
    count = 0
    for record in records:
        for packet in _packets(record, behind):
            file.write(packet)
        count += 1
    return count


def _packets(record: Record, behind: int) -> Iterator[bytes]:
    if record.kind == Kind.COMMAND:
        yield _packet(record, What.REQUEST, record.request, record.start_ns + behind)
        if record.response:
            yield _packet(record, What.RESPONSE, record.response, record.end_ns + behind)
    elif record.kind == Kind.EVENT:
        yield _packet(record, What.EVENT, record.response, record.start_ns + behind)
    else:
        text = record.note.encode()
        yield _packet(record, _REMARKS[record.kind], text, record.start_ns + behind)


def _packet(record: Record, what: What, data: bytes, moment: int) -> bytes:
    entry = summarize(record)
    lengths = (*record.readable, *record.writable)
    command = int.from_bytes(record.request[:4], "little")
    code = entry.ioctl if command == CMD_IOCTL and entry.ioctl >= 0 else 0
    fixed = HEADER.pack(
        VERSION,
        what,
        record.head,
        command,
        record.seq,
        record.start_ns,
        record.end_ns,
        code,
        entry.session,
        record.rule,
        record.used,
        len(record.readable),
        len(record.writable),
    )
    whole = b"".join((fixed, Struct(f"<{len(lengths)}I").pack(*lengths), data))
    body = _PACKET_BODY.pack(
        _INTERFACE_OF[what],
        moment >> 32 & 0xFFFF_FFFF,
        moment & 0xFFFF_FFFF,
        len(whole),
        len(whole),
    )
    way = _INBOUND if what is What.REQUEST else _OUTBOUND
    return _block(_PACKET, body + _padded(whole) + _options((_FLAGS, _TRAILER.pack(way))))


def _block(kind: int, body: bytes) -> bytes:
    size = _BLOCK.size + len(body) + _TRAILER.size
    return _BLOCK.pack(kind, size) + body + _TRAILER.pack(size)


def _options(*options: tuple[int, bytes]) -> bytes:
    # An option has at most 64 KiB; a longer one is left out rather than cut.
    told = [
        _OPTION.pack(code, len(value)) + _padded(value)
        for code, value in options
        if len(value) < 1 << 16
    ]
    return b"".join((*told, _OPTION.pack(0, 0)))


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 4) * 4, b"\0")


def read(file: BinaryIO) -> RecordReader:
    """The file's reader; raises TraceFileError where it is none of ours."""
    return _Reader(file)


class _Packet(NamedTuple):
    """A packet of ours taken apart."""

    what: What
    record: Record
    data: bytes


class _Reader(RecordReader):
    """Records of a pcapng file that `write` made, whole or filtered by Wireshark."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        kind, body = self._next() or (0, b"")
        if kind != _SECTION or len(body) < _SECTION_BODY.size:
            raise TraceFileError(f"{self._name} is no pcapng file")
        if _SECTION_BODY.unpack_from(body)[0] != _MAGIC:
            raise TraceFileError(f"{self._name} was written by a big-endian machine")
        self.metadata = _metadata(body[_SECTION_BODY.size :])

    def __iter__(self) -> Iterator[Record]:
        asked: Record | None = None
        while (block := self._next()) is not None:
            packet = self._packet(*block)
            if packet is None:
                continue
            if asked is not None:
                if packet.what is What.RESPONSE and packet.record.seq == asked.seq:
                    yield asked._replace(response=packet.data)
                    asked = None
                    continue
                yield asked
                asked = None
            if packet.what is What.REQUEST:
                asked = packet.record._replace(request=packet.data)
            elif packet.what in {What.RESPONSE, What.EVENT}:
                yield packet.record._replace(response=packet.data)
            else:
                yield packet.record._replace(note=packet.data.decode(errors="replace"))
        if asked is not None:
            yield asked

    def _next(self) -> tuple[int, bytes] | None:
        """The next block's type and body; None at the end, whole or not."""
        start = self._file.read(_BLOCK.size)
        if not start:
            return None
        kind, size = _BLOCK.unpack(start) if len(start) == _BLOCK.size else (0, 12)
        if not 12 <= size <= LONGEST_RECORD or size % 4:
            raise TraceFileError(f"{self._name}: no pcapng block before byte {self._file.tell()}")
        rest = self._file.read(size - _BLOCK.size)
        if len(rest) < size - _BLOCK.size:
            self.cut_off = f"{self._name} ends within a packet, which is left out"
            return None
        return kind, rest[: -_TRAILER.size]

    def _packet(self, kind: int, body: bytes) -> _Packet | None:
        if kind != _PACKET or len(body) < _PACKET_BODY.size:
            return None
        length = _PACKET_BODY.unpack_from(body)[3]
        data = body[_PACKET_BODY.size : _PACKET_BODY.size + length]
        if len(data) < HEADER.size or data[0] != VERSION or data[1] not in What._value2member_map_:
            raise TraceFileError(f"{self._name}: a packet is none of vmedia-bench")
        fixed = HEADER.unpack_from(data)
        _, number, head, _, seq, start, end, _, session, rule, used, readable, writable = fixed
        at = HEADER.size + 4 * (readable + writable)
        if at > len(data):
            raise TraceFileError(f"{self._name}: packet {seq} is damaged")
        lengths = Struct(f"<{readable + writable}I").unpack_from(data, HEADER.size)
        what = What(number)
        remark = what in {What.FAULT, What.NOTE}
        record = Record(
            seq,
            _KINDS[what],
            start,
            end,
            head,
            lengths[:readable],
            lengths[readable:],
            used,
            session=session if remark else 0,
            rule=rule,
        )
        return _Packet(what, record, data[at:])


_KINDS: Final = {
    What.REQUEST: Kind.COMMAND,
    What.RESPONSE: Kind.COMMAND,
    What.EVENT: Kind.EVENT,
    What.FAULT: Kind.FAULT,
    What.NOTE: Kind.NOTE,
}


def _metadata(options: bytes) -> dict[str, Any]:
    """The comment that `write` left; nothing where Wireshark changed it."""
    at = 0
    while at + _OPTION.size <= len(options):
        code, length = _OPTION.unpack_from(options, at)
        at += _OPTION.size
        if code == _COMMENT:
            try:
                found = json.loads(options[at : at + length])
            except ValueError:
                found = None
            return found if isinstance(found, dict) else {}
        at += -(-length // 4) * 4
    return {}
