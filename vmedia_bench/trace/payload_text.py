"""A few words about an ioctl's payload or an event: what tells two calls apart at a glance."""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct, error
from typing import Final

from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.controls import cid_name
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.v4l2 import (
    BufFlag,
    BufType,
    CtrlFlag,
    DecCmd,
    EncCmd,
    EventType,
    Memory,
    SelTarget,
    SrcChange,
    fourcc_name,
    is_multiplanar,
    is_output,
)

COMMAND_SIZE: Final = media.CMD_SESSION.size
ANSWER_SIZE: Final = media.RESP_HEADER.size
CONTROLS_SHOWN: Final = 4

_Describe = Callable[[bytes, int], str]
"""Payload bytes, and where the payload begins in them."""

_TYPES: Final = {int(kind): kind.name for kind in BufType}
_MEMORIES: Final = {int(memory): memory.name for memory in Memory}
_TARGETS: Final = {int(target): target.name for target in SelTarget}
_EVENTS: Final = {int(kind): kind.name for kind in EventType}
_DECODER: Final = {int(command): command.name for command in DecCmd}
_ENCODER: Final = {int(command): command.name for command in EncCmd}
_CAPTURE: Final = int(BufType.VIDEO_CAPTURE)
_PLANAR_FORMATS: Final = (int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT))
_NEXT: Final = int(CtrlFlag.NEXT_CTRL) | int(CtrlFlag.NEXT_COMPOUND)
_MMAP: Final = int(Memory.MMAP)
_TOLD_FLAGS: Final = tuple(
    (int(flag), flag.name or "") for flag in (BufFlag.ERROR, BufFlag.LAST, BufFlag.KEYFRAME)
)
_WORDS = Struct("<8I").unpack_from
_WORD = structs.U32.unpack_from
_BUFFER = structs.BUFFER.unpack_from
_PLANE = structs.PLANE.unpack_from
_CONTROL = structs.EXT_CONTROL.unpack_from
fourcc_text = lru_cache(1024)(fourcc_name)


@lru_cache(1024)
def control_name(cid: int) -> str:
    """A control's name as users write it: brightness."""
    return cid_name(cid).lower()


def ioctl_text(number: int, request: bytes, response: bytes, status: int) -> str:
    """What an ioctl was about: by its response where that holds a payload, else by its request."""
    describe = _DESCRIBE.get(number)
    if describe is None:
        return ""
    try:
        if len(response) > ANSWER_SIZE and (not status or number in _TELLS_ERROR):
            return describe(response, ANSWER_SIZE)
    except error:
        pass
    try:
        return describe(request, COMMAND_SIZE)
    except error:
        return ""


def event_text(number: int, event: bytes) -> str:
    """What an event says."""
    try:
        if number == media.EVT_DQBUF:
            return _dqbuf(event)
        if number == media.EVT_ERROR:
            errno = _WORD(event, 8)[0]
            return f"errno={errno} {errno_name(errno)}"
        if number == media.EVT_EVENT:
            return _v4l2_event(event)
    except error:
        pass
    return f"{len(event)} bytes"


def _type_of(buf_type: int) -> str:
    return _TYPES.get(buf_type) or f"type {buf_type}"


def _unless_capture(buf_type: int) -> str:
    """The queue's name with a blank, where it is not the usual one."""
    return "" if buf_type == _CAPTURE else f"{_type_of(buf_type)} "


def _memory_of(memory: int) -> str:
    return _MEMORIES.get(memory) or f"memory {memory}"


def _bytesused(data: bytes, at: int, buffer: tuple[int, ...]) -> int:
    """Of all planes."""
    if not is_multiplanar(buffer[1]):
        return buffer[2]
    first = at + structs.BUFFER.size
    count = min(buffer[11], media.MAX_PLANES)
    return sum(_PLANE(data, first + place * structs.PLANE.size)[0] for place in range(count))


def _dqbuf(event: bytes) -> str:
    buffer = _BUFFER(event, 8)
    text = f"index={buffer[0]} seq={buffer[8]} {_bytesused(event, 8, buffer)}"
    flags = buffer[3]
    for mask, name in _TOLD_FLAGS:
        if flags & mask:
            text += f" {name}"
    return _unless_capture(buffer[1]) + text


def _v4l2_event(event: bytes) -> str:
    kind, union, *_rest, cid = structs.EVENT.unpack_from(event, 8)
    name = _EVENTS.get(kind) or f"type {kind}"
    if kind == EventType.CTRL:
        return f"{name} {control_name(cid)}={structs.EVENT_CTRL.unpack_from(union)[2]}"
    if kind == EventType.SOURCE_CHANGE:
        changes = _WORD(union)[0]
        return f"{name} {SrcChange.RESOLUTION.name if changes & 1 else hex(changes)}"
    return name


def _buffer(data: bytes, at: int) -> str:
    buffer = _BUFFER(data, at)
    text = f"{_unless_capture(buffer[1])}index={buffer[0]} {_memory_of(buffer[9])}"
    if is_output(buffer[1]):
        used = _bytesused(data, at, buffer)
        return f"{text} {used}" if used else text
    return text


def _query_buffer(data: bytes, at: int) -> str:
    buffer = _BUFFER(data, at)
    text = f"{_unless_capture(buffer[1])}index={buffer[0]} {_memory_of(buffer[9])}"
    if is_multiplanar(buffer[1]) or buffer[9] != _MMAP or not buffer[11]:
        return text
    return f"{text} {buffer[11]} at {buffer[10] & 0xFFFF_FFFF:#x}"


def _format(data: bytes, at: int) -> str:
    kind = _WORD(data, at)[0]
    if kind in _PLANAR_FORMATS or is_multiplanar(kind):
        width, height, pixelformat, *_ = _WORDS(data, at + structs.FORMAT_UNION_OFFSET)
        if pixelformat or width or height:
            return f"{_unless_capture(kind)}{fourcc_text(pixelformat)} {width}x{height}"
    return _type_of(kind)


def _format_desc(data: bytes, at: int) -> str:
    index, kind, _, _, pixelformat, _ = structs.FMTDESC.unpack_from(data, at)
    named = f" {fourcc_text(pixelformat)}" if pixelformat else ""
    return f"{_unless_capture(kind)}index={index}{named}"


def _frame_size(data: bytes, at: int) -> str:
    index, pixelformat, kind, union = structs.FRMSIZEENUM.unpack_from(data, at)
    text = f"index={index} {fourcc_text(pixelformat)}"
    if kind == 1:
        width, height = structs.FRMSIZE_DISCRETE.unpack_from(union)
        return f"{text} {width}x{height}"
    if not kind:
        return text
    least, most, _, lowest, highest, _ = structs.FRMSIZE_STEPWISE.unpack_from(union)
    return f"{text} {least}x{lowest}..{most}x{highest}"


def _frame_interval(data: bytes, at: int) -> str:
    index, pixelformat, width, height, kind, union = structs.FRMIVALENUM.unpack_from(data, at)
    text = f"index={index} {fourcc_text(pixelformat)} {width}x{height}"
    if not kind:
        return text
    above, below = structs.FRACT.unpack_from(union)
    return f"{text} {'' if kind == 1 else 'from '}{above}/{below} s"


def _request_buffers(data: bytes, at: int) -> str:
    count, kind, memory, _, _ = structs.REQUESTBUFFERS.unpack_from(data, at)
    return f"{_unless_capture(kind)}{count} {_memory_of(memory)}"


def _create_buffers(data: bytes, at: int) -> str:
    index, count, memory, _, _, _, _ = structs.CREATE_BUFFERS.unpack_from(data, at)
    return f"{count} {_memory_of(memory)} from index {index}"


def _remove_buffers(data: bytes, at: int) -> str:
    index, count, kind = structs.REMOVE_BUFFERS.unpack_from(data, at)
    return f"{_unless_capture(kind)}{count} from index {index}"


def _queue_type(data: bytes, at: int) -> str:
    return _type_of(_WORD(data, at)[0])


def _number(data: bytes, at: int) -> str:
    return str(_WORD(data, at)[0])


def _parm(data: bytes, at: int) -> str:
    kind, _, _, above, below, *_ = _WORDS(data, at)
    return f"{_unless_capture(kind)}{above}/{below} s" if above else _type_of(kind)


def _ext_controls(data: bytes, at: int) -> str:
    which, count, error_idx, _, _ = structs.EXT_CONTROLS.unpack_from(data, at)
    first = at + structs.EXT_CONTROLS.size
    told = []
    for place in range(min(count, CONTROLS_SHOWN)):
        cid, size, value = _CONTROL(data, first + place * structs.EXT_CONTROL.size)
        told.append(f"{control_name(cid)}={f'{size} bytes' if size else value}")
    if count > CONTROLS_SHOWN:
        told.append(f"{count - CONTROLS_SHOWN} more")
    if at == ANSWER_SIZE and _WORD(data)[0]:
        told.insert(0, f"error_idx={error_idx}")
    return ", ".join(told) or f"no controls, which={which:#x}"


def _control(data: bytes, at: int) -> str:
    cid, value = structs.CONTROL.unpack_from(data, at)
    return f"{control_name(cid)}={value}" if at == ANSWER_SIZE or value else control_name(cid)


def _query_control(data: bytes, at: int) -> str:
    cid = _WORD(data, at)[0]
    following = "after " if cid & _NEXT else ""
    cid &= ~_NEXT
    return f"{following}{control_name(cid)}" if cid else "the first"


def _query_menu(data: bytes, at: int) -> str:
    cid, index, *_ = _WORDS(data, at)
    return f"{control_name(cid)} index={index}"


def _input(data: bytes, at: int) -> str:
    index = _WORD(data, at)[0]
    name = data[at + 4 : at + 36].rstrip(b"\0").decode("ascii", "replace")
    return f"index={index} {name if name.isprintable() else ''}".rstrip()


def _subscription(data: bytes, at: int) -> str:
    kind, cid, _ = structs.EVENT_SUBSCRIPTION.unpack_from(data, at)
    name = _EVENTS.get(kind) or f"type {kind}"
    return f"{name} {control_name(cid)}" if kind == EventType.CTRL else name


def _selection(data: bytes, at: int) -> str:
    kind, target, _, left, top, width, height = structs.SELECTION.unpack_from(data, at)
    name = _TARGETS.get(target) or f"target {target}"
    return f"{_unless_capture(kind)}{name} {left},{top} {width}x{height}"


def _decoder_command(data: bytes, at: int) -> str:
    command = _WORD(data, at)[0]
    return _DECODER.get(command) or str(command)


def _encoder_command(data: bytes, at: int) -> str:
    command = _WORD(data, at)[0]
    return _ENCODER.get(command) or str(command)


_TELLS_ERROR: Final = frozenset(
    (ioctls.VIDIOC_G_EXT_CTRLS, ioctls.VIDIOC_S_EXT_CTRLS, ioctls.VIDIOC_TRY_EXT_CTRLS)
)
"""Those whose payload says more about a failure than the request does."""

_DESCRIBE: Final[dict[int, _Describe]] = {
    ioctls.VIDIOC_QBUF: _buffer,
    ioctls.VIDIOC_PREPARE_BUF: _buffer,
    ioctls.VIDIOC_QUERYBUF: _query_buffer,
    ioctls.VIDIOC_G_FMT: _format,
    ioctls.VIDIOC_S_FMT: _format,
    ioctls.VIDIOC_TRY_FMT: _format,
    ioctls.VIDIOC_ENUM_FMT: _format_desc,
    ioctls.VIDIOC_ENUM_FRAMESIZES: _frame_size,
    ioctls.VIDIOC_ENUM_FRAMEINTERVALS: _frame_interval,
    ioctls.VIDIOC_REQBUFS: _request_buffers,
    ioctls.VIDIOC_CREATE_BUFS: _create_buffers,
    ioctls.VIDIOC_REMOVE_BUFS: _remove_buffers,
    ioctls.VIDIOC_STREAMON: _queue_type,
    ioctls.VIDIOC_STREAMOFF: _queue_type,
    ioctls.VIDIOC_G_INPUT: _number,
    ioctls.VIDIOC_S_INPUT: _number,
    ioctls.VIDIOC_G_OUTPUT: _number,
    ioctls.VIDIOC_S_OUTPUT: _number,
    ioctls.VIDIOC_G_PARM: _parm,
    ioctls.VIDIOC_S_PARM: _parm,
    ioctls.VIDIOC_G_EXT_CTRLS: _ext_controls,
    ioctls.VIDIOC_S_EXT_CTRLS: _ext_controls,
    ioctls.VIDIOC_TRY_EXT_CTRLS: _ext_controls,
    ioctls.VIDIOC_G_CTRL: _control,
    ioctls.VIDIOC_S_CTRL: _control,
    ioctls.VIDIOC_QUERYCTRL: _query_control,
    ioctls.VIDIOC_QUERY_EXT_CTRL: _query_control,
    ioctls.VIDIOC_QUERYMENU: _query_menu,
    ioctls.VIDIOC_ENUMINPUT: _input,
    ioctls.VIDIOC_ENUMOUTPUT: _input,
    ioctls.VIDIOC_SUBSCRIBE_EVENT: _subscription,
    ioctls.VIDIOC_UNSUBSCRIBE_EVENT: _subscription,
    ioctls.VIDIOC_G_SELECTION: _selection,
    ioctls.VIDIOC_S_SELECTION: _selection,
    ioctls.VIDIOC_DECODER_CMD: _decoder_command,
    ioctls.VIDIOC_TRY_DECODER_CMD: _decoder_command,
    ioctls.VIDIOC_ENCODER_CMD: _encoder_command,
    ioctls.VIDIOC_TRY_ENCODER_CMD: _encoder_command,
}
