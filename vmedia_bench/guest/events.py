"""What arrives on the eventq, as values (virtio specification, "Media Device", Event Virtqueue)."""

from dataclasses import dataclass

from vmedia_bench.guest.buffers import Buffer, unpack_buffer
from vmedia_bench.wire import media, structs

_EVENT_OFFSET = media.EVENT_HEADER.size


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """EVT_ERROR: the session is dead; `errno` is positive."""

    session_id: int
    errno: int


@dataclass(frozen=True, slots=True)
class DqbufEvent:
    """EVT_DQBUF: the device gives a buffer back."""

    session_id: int
    buffer: Buffer


@dataclass(frozen=True, slots=True)
class V4l2Event:
    """EVT_EVENT: a v4l2_event; `payload` is its 64-byte union."""

    session_id: int
    type: int
    id: int
    payload: bytes
    pending: int
    sequence: int
    timestamp_ns: int


@dataclass(frozen=True, slots=True)
class BadEvent:
    """Something that is no event; the Linux driver logs such a thing and drops it."""

    why: str
    data: bytes


Event = ErrorEvent | DqbufEvent | V4l2Event | BadEvent

_SIZES = {
    media.EVT_ERROR: ("ERROR", media.EVENT_ERROR_SIZE),
    media.EVT_DQBUF: ("DQBUF", media.EVENT_DQBUF_SIZE),
    media.EVT_EVENT: ("EVENT", media.EVENT_EVENT_SIZE),
}


def parse_event(data: bytes | memoryview) -> Event:
    """The event in what a device wrote into one event buffer; never raises."""
    if len(data) < _EVENT_OFFSET:
        return BadEvent(f"event of {len(data)} bytes, a header has {_EVENT_OFFSET}", bytes(data))
    kind, session_id = media.EVENT_HEADER.unpack_from(data)
    if kind not in _SIZES:
        return BadEvent(f"event type {kind} is unknown", bytes(data))
    name, size = _SIZES[kind]
    if len(data) < size:
        return BadEvent(f"{name} event of {len(data)} bytes, {size} are needed", bytes(data))
    if kind == media.EVT_DQBUF:
        return DqbufEvent(session_id, unpack_buffer(data, _EVENT_OFFSET))
    if kind == media.EVT_ERROR:
        return ErrorEvent(session_id, media.EVENT_ERROR.unpack_from(data)[2])
    event_type, payload, pending, sequence, seconds, nanos, event_id = structs.EVENT.unpack_from(
        data, _EVENT_OFFSET
    )
    stamp = seconds * 1_000_000_000 + nanos
    return V4l2Event(session_id, event_type, event_id, payload, pending, sequence, stamp)
