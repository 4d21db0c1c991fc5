"""
Whole messages decoded for people: commands, responses, events, vhost-user messages.

Every function takes any bytes and never raises: what could be read is returned as plain data,
with ``_error`` saying what was short or made no sense and ``_rest`` holding the bytes left over,
in hexadecimal.
"""

from collections.abc import Mapping
from typing import Any, Final

from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Ioctl, Shape
from vmedia_bench.wire.layouts import media as layouts
from vmedia_bench.wire.layouts import vhost_user
from vmedia_bench.wire.layouts.plain import Plain, Reader
from vmedia_bench.wire.layouts.v4l2 import payload_layout
from vmedia_bench.wire.layouts.v4l2_control import EVENT, EXT_CONTROL
from vmedia_bench.wire.layouts.v4l2_stream import BUFFER, PLANE
from vmedia_bench.wire.structs import BUFFER as BUFFER_CODEC
from vmedia_bench.wire.structs import EXT_CONTROL as EXT_CONTROL_CODEC
from vmedia_bench.wire.structs import EXT_CONTROLS as EXT_CONTROLS_CODEC
from vmedia_bench.wire.structs import PLANE as PLANE_CODEC
from vmedia_bench.wire.v4l2 import VIDEO_MAX_PLANES, Memory, is_multiplanar

_COMMANDS: Final[Mapping[int, Any]] = {
    media.CMD_OPEN: layouts.CMD_OPEN,
    media.CMD_CLOSE: layouts.CMD_CLOSE,
    media.CMD_IOCTL: layouts.CMD_IOCTL,
    media.CMD_MMAP: layouts.CMD_MMAP,
    media.CMD_MUNMAP: layouts.CMD_MUNMAP,
}
_RESPONSES: Final[Mapping[int, Any]] = {
    media.CMD_OPEN: layouts.RESP_OPEN,
    media.CMD_IOCTL: layouts.RESP_IOCTL,
    media.CMD_MMAP: layouts.RESP_MMAP,
    media.CMD_MUNMAP: layouts.RESP_MUNMAP,
}
_USERPTR: Final = int(Memory.USERPTR)


def decode_command(data: bytes) -> Plain:
    """
    Decode all the driver-written bytes of one chain of the commandq.

    An IOCTL has ``payload`` and, as its shape asks, ``planes`` or ``controls`` and ``sg``, a list
    of SG entries for each USERPTR plane or control payload.
    """
    reader = Reader(data)
    number = _word(data, 0)
    shown = reader.take(_COMMANDS.get(number, layouts.CMD_HEADER))
    if number == media.CMD_IOCTL:
        ioctl = IOCTLS.get(_word(data, 12))
        if ioctl is not None and ioctl.direction in {Direction.W, Direction.WR}:
            _take_payload(reader, ioctl, shown, with_lists=True)
    elif number not in _COMMANDS and data:
        reader.errors.append(f"unknown command {number}")
    return reader.finish(shown)


def decode_response(command: bytes, response: bytes) -> Plain:
    """
    Decode the device-written bytes that answer ``command``.

    A failed command may be answered by the header alone; that is no ``_error``.
    """
    reader = Reader(response)
    number = _word(command, 0)
    if number == media.CMD_CLOSE or not response:
        return reader.finish({})
    failed = _word(response, 0) != 0
    layout = _RESPONSES.get(number, layouts.RESP_HEADER)
    header_only = failed and len(response) <= media.RESP_HEADER.size
    shown = reader.take(layouts.RESP_HEADER if header_only else layout)
    if number == media.CMD_IOCTL:
        ioctl = IOCTLS.get(_word(command, 12))
        answers = ioctl is not None and ioctl.direction in {Direction.R, Direction.WR}
        if ioctl is not None and answers and (reader.left or not failed):
            _take_payload(reader, ioctl, shown, with_lists=False)
            if ioctl.shape is Shape.BUFFER:
                # The array that the driver sent comes back whole, however few planes count.
                end = media.RESP_HEADER.size + buffer_size(command[media.CMD_SESSION.size :])
                reader.at = max(reader.at, min(end, len(response)))
    return reader.finish(shown)


def buffer_size(data: bytes) -> int:
    """Bytes of a v4l2_buffer, cut off or not, and of the planes that it announces."""
    buffer = BUFFER_CODEC.unpack_from(data.ljust(BUFFER_CODEC.size, b"\0"))
    planes = min(buffer[11], VIDEO_MAX_PLANES) if is_multiplanar(buffer[1]) else 0
    return BUFFER_CODEC.size + planes * PLANE_CODEC.size


def decode_event(data: bytes) -> Plain:
    """Decode one eventq buffer; a DQBUF shows the planes that its buffer counts."""
    reader = Reader(data)
    number = _word(data, 0)
    if number == media.EVT_ERROR and data:
        return reader.finish(reader.take(layouts.EVENT_ERROR))
    shown = reader.take(layouts.EVENT_HEADER)
    if number == media.EVT_DQBUF:
        _take_dqbuf(reader, shown)
    elif number == media.EVT_EVENT:
        shown["payload"] = reader.take(EVENT)
    elif data:
        reader.errors.append(f"unknown event {number}")
    return reader.finish(shown)


def decode_config(data: bytes) -> Plain:
    """Decode the configuration space, 40 bytes from offset 0."""
    reader = Reader(data)
    return reader.finish(reader.take(layouts.CONFIG))


def decode_vhost_message(
    request: int, payload: bytes, *, reply: bool = False, backend: bool = False
) -> Plain:
    """
    Decode the payload of a vhost-user message, its 12-byte header left out.

    ``reply`` says that the message answers a request, ``backend`` that it travels on the
    back-end's channel, whose request numbers are other ones.
    """
    reader = Reader(payload)
    shown: Plain = {"request": vhost_user.name_of(request, backend=backend)}
    if reply:
        shown["reply"] = True
    vhost_user.take_payload(reader, shown, request, reply=reply, backend=backend)
    return reader.finish(shown)


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def _take_payload(reader: Reader, ioctl: Ioctl, shown: Plain, *, with_lists: bool) -> None:
    start = reader.at
    shown["payload"] = reader.take(payload_layout(ioctl))
    body = reader.data[start:].ljust(ioctl.size, b"\0")
    if ioctl.shape is Shape.BUFFER:
        lengths = _take_planes(reader, body, shown)
    elif ioctl.shape is Shape.EXT_CONTROLS:
        lengths = _take_controls(reader, body, shown)
    else:
        return
    if with_lists and lengths:
        shown["sg"] = [_take_sg(reader, length) for length in lengths]


def _take_planes(reader: Reader, body: bytes, shown: Plain) -> list[int]:
    """Read the planes of a multi-planar buffer; return the lengths its SG lists cover."""
    _, kind, *_ = fields = BUFFER_CODEC.unpack_from(body)
    memory, length = fields[9], fields[11]
    if not is_multiplanar(kind):
        return [length] if memory == _USERPTR and length else []
    if length > VIDEO_MAX_PLANES:
        reader.errors.append(f"{length} planes, V4L2 has at most {VIDEO_MAX_PLANES}")
    start = reader.at
    shown["planes"] = _take_many(reader, PLANE, min(length, VIDEO_MAX_PLANES), memory=memory)
    if memory != _USERPTR:
        return []
    whole = range(start, reader.at - PLANE_CODEC.size + 1, PLANE_CODEC.size)
    lengths = (PLANE_CODEC.unpack_from(reader.data, at)[1] for at in whole)
    return [plane_length for plane_length in lengths if plane_length]


def _take_controls(reader: Reader, body: bytes, shown: Plain) -> list[int]:
    """Read the controls; return the sizes their SG lists cover."""
    count = EXT_CONTROLS_CODEC.unpack_from(body)[1]
    start = reader.at
    shown["controls"] = _take_many(reader, EXT_CONTROL, count)
    for control in shown["controls"]:
        if "ptr" in control:
            control.pop("value", None)
    whole = range(start, reader.at - EXT_CONTROL_CODEC.size + 1, EXT_CONTROL_CODEC.size)
    sizes = (EXT_CONTROL_CODEC.unpack_from(reader.data, at)[1] for at in whole)
    return [size for size in sizes if size]


def _take_many(reader: Reader, layout: Any, count: int, **params: int) -> list[Plain]:
    taken: list[Plain] = []
    while len(taken) < count and reader.left:
        taken.append(reader.take(layout, **params))
    if len(taken) < count:
        reader.errors.append(f"{count} {layout.c_type} announced, {len(taken)} are here")
    return taken


def _take_sg(reader: Reader, length: int) -> list[Plain]:
    """Read SG entries until they cover ``length`` bytes or the data ends."""
    entries: list[Plain] = []
    covered = 0
    while covered < length and reader.left:
        entry = reader.take(layouts.SG_ENTRY)
        entries.append(entry)
        covered += entry.get("len", 0)
    if covered < length:
        reader.errors.append(f"SG list covers {covered} of {length} bytes")
    return entries


def _take_dqbuf(reader: Reader, shown: Plain) -> None:
    body = reader.data[reader.at :].ljust(BUFFER_CODEC.size, b"\0")
    fields = BUFFER_CODEC.unpack_from(body)
    shown["buffer"] = reader.take(BUFFER)
    count = min(fields[11], VIDEO_MAX_PLANES) if is_multiplanar(fields[1]) else 0
    if count:
        shown["planes"] = _take_many(reader, PLANE, count, memory=fields[9])
    unused = reader.data[reader.at : media.EVENT_DQBUF_SIZE]
    if len(reader.data) < media.EVENT_DQBUF_SIZE:
        reader.errors.append(f"a DQBUF event has {media.EVENT_DQBUF_SIZE} bytes")
    if not any(unused):
        reader.at += len(unused)
