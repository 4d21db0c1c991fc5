"""
JSON as v4l2-tracer of v4l-utils writes it, for `v4l2-tracer retrace` on a real device.

What a guest did through virtio-media becomes what a program does: OPEN is open(), a DQBUF event is
the VIDIOC_DQBUF that fetched it. Names are those of the kernel's headers; where the retracer has
no name it takes a number. Control payloads and the data of output buffers are not in a trace.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from vmedia_bench import __version__
from vmedia_bench.trace.decoded import EVENT_SIDE, REQUEST, RESPONSE, Field, decode
from vmedia_bench.trace.entry import Entry, summarize
from vmedia_bench.trace.export.v4l2_names import spelled
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Shape

Object = dict[str, Any]

PATH: Final = "/dev/video0"
FIRST_FD: Final = 3
_READ, _WRITE = 1, 2
_MAP_SHARED: Final = "0x1"

TRACED: Final = frozenset(
    (
        "ENUM_FMT",
        "G_FMT",
        "S_FMT",
        "TRY_FMT",
        "REQBUFS",
        "QUERYBUF",
        "QBUF",
        "PREPARE_BUF",
        "CREATE_BUFS",
        "STREAMON",
        "STREAMOFF",
        "G_PARM",
        "S_PARM",
        "ENUMINPUT",
        "G_INPUT",
        "S_INPUT",
        "ENUMOUTPUT",
        "G_OUTPUT",
        "S_OUTPUT",
        "G_CTRL",
        "S_CTRL",
        "G_EXT_CTRLS",
        "S_EXT_CTRLS",
        "TRY_EXT_CTRLS",
        "QUERYCTRL",
        "QUERY_EXT_CTRL",
        "G_TUNER",
        "S_TUNER",
        "ENUM_FRAMESIZES",
        "ENUM_FRAMEINTERVALS",
        "ENCODER_CMD",
        "TRY_ENCODER_CMD",
        "DECODER_CMD",
        "TRY_DECODER_CMD",
        "SUBSCRIBE_EVENT",
        "UNSUBSCRIBE_EVENT",
        "G_SELECTION",
        "S_SELECTION",
    )
)
"""The ioctls that v4l2-tracer knows, as far as a guest sends them."""

_UNIONS: Final[Mapping[tuple[str, ...], Mapping[str, str]]] = {
    ("format", "fmt"): {"pix": "v4l2_pix_format", "pix_mp": "v4l2_pix_format_mplane"},
    ("streamparm", "parm"): {"capture": "v4l2_captureparm", "output": "v4l2_outputparm"},
    ("frmsizeenum",): {
        "discrete": "v4l2_frmsize_discrete",
        "stepwise": "v4l2_frmsize_stepwise",
    },
    ("frmivalenum",): {"discrete": "v4l2_fract", "stepwise": "v4l2_frmival_stepwise"},
    ("v4l2_event", "u"): {
        "vsync": "v4l2_event_vsync",
        "ctrl": "v4l2_event_ctrl",
        "frame_sync": "v4l2_event_frame_sync",
        "src_change": "v4l2_event_src_change",
        "motion_det": "v4l2_event_motion_det",
    },
}
"""A union's member goes by the name of its structure."""
_SCALARS: Final = {
    "G_INPUT": "input",
    "S_INPUT": "input",
    "G_OUTPUT": "output",
    "S_OUTPUT": "output",
}


def write(records: Iterable[Record], file: BinaryIO, metadata: Mapping[str, Any]) -> int:
    """Write what a guest did; how many records it came from."""
    bench = metadata.get("bench", "a guest")
    about = {"package_version": f"vmedia-bench {__version__}", "git_sha": ""}
    file.write(b"[\n" + _encoded(about) + b",\n" + _encoded({"Trace": f"vmedia-bench {bench}"}))
    program = _Program()
    count = 0
    for record in records:
        found = list(program.calls(record))
        for call in found:
            file.write(b",\n" + _encoded(call))
        count += bool(found)
    file.write(b"\n]\n")
    return count


def _encoded(call: Object) -> bytes:
    return json.dumps(call).encode()


class _Program:
    """The program that the recorded guest would be: its files and mappings."""

    def __init__(self) -> None:
        self._files: dict[int, int] = {}
        self._mapped: dict[int, int] = {}
        self._next = FIRST_FD

    def calls(self, record: Record) -> Iterator[Object]:
        """The system calls that one record stands for: none, or one."""
        entry = summarize(record)
        if record.kind == Kind.EVENT:
            call = self._event(record, entry)
        elif record.kind == Kind.COMMAND:
            call = self._command(record, entry)
        else:
            call = None
        if call is not None:
            yield call

    def _command(self, record: Record, entry: Entry) -> Object | None:
        if entry.name == "OPEN":
            return None if entry.status else self._open(entry.session)
        if entry.name == "MUNMAP":
            return self._unmap(record, entry)
        fd = self._files.get(entry.session)
        if fd is None:
            return None
        if entry.name == "CLOSE":
            del self._files[entry.session]
            return {"fd": fd, "close": PATH}
        if entry.name == "MMAP":
            return None if entry.status else self._map(record, fd)
        return _ioctl(record, entry, fd) if entry.name in TRACED else None

    def _open(self, session: int) -> Object:
        fd = self._files[session] = self._next
        self._next += 1
        how = {"path": PATH, "oflag": "O_RDWR", "mode": ""}
        return {"fd": fd, "open": how, "driver": "", "bus_info": "", "linked_entities": []}

    def _map(self, record: Record, fd: int) -> Object | None:
        if len(record.response) < media.RESP_MMAP.size:
            return None
        _, _, flags, offset = media.MMAP_COMMAND.unpack_from(record.request)
        _, address, length = media.RESP_MMAP.unpack_from(record.response)
        self._mapped[address] = length
        how = {
            "addr": 0,
            "len": length,
            "prot": _READ | (_WRITE if flags & media.MMAP_FLAG_RW else 0),
            "flags": _MAP_SHARED,
            "fildes": fd,
            "off": offset,
        }
        return {"mmap": how, "buffer_address": address}

    def _unmap(self, record: Record, entry: Entry) -> Object | None:
        address = int.from_bytes(record.request[8:16], "little")
        length = self._mapped.get(address)
        if entry.status or length is None:
            return None
        return {"munmap": {"start": address, "length": length}}

    def _event(self, record: Record, entry: Entry) -> Object | None:
        fd = self._files.get(entry.session)
        if fd is None or entry.name not in {"DQBUF", "EVENT"}:
            return None
        fields = decode(record).side(EVENT_SIDE)
        if entry.name == "DQBUF":
            told: Object = {"v4l2_buffer": _buffer(fields)}
            return {"fd": fd, "ioctl": "VIDIOC_DQBUF", "from_driver": told}
        told = {"v4l2_event": _nested(fields, ("v4l2_event",)) or {}}
        return {"fd": fd, "ioctl": "VIDIOC_DQEVENT", "from_driver": told}


def _ioctl(record: Record, entry: Entry, fd: int) -> Object:
    row = IOCTLS[entry.ioctl]
    call: Object = {"fd": fd, "ioctl": row.name}
    if entry.status:
        call["errno"] = entry.status_name
    decoded = decode(record)
    if row.direction & Direction.W:
        call["from_userspace"] = _arguments(entry, decoded.side(REQUEST))
    if row.direction & Direction.R and len(record.response) > media.RESP_HEADER.size:
        call["from_driver"] = _arguments(entry, decoded.side(RESPONSE))
    return call


def _arguments(entry: Entry, fields: Sequence[Field]) -> Object:
    row = IOCTLS[entry.ioctl]
    if row.shape is Shape.BUFFER:
        return {"v4l2_buffer": _buffer(fields)}
    if row.shape is Shape.EXT_CONTROLS:
        return {"v4l2_ext_controls": _controls(fields, failed=entry.failed)}
    if row.payload == "int":
        values = {field.name: field for field in fields}
        scalar = _SCALARS.get(entry.name)
        field = values.get("value" if scalar else "type")
        return {} if field is None else {scalar or "type": spelled(field)}
    return {row.payload: _nested(fields, (row.payload.removeprefix("v4l2_"),)) or {}}


def _nested(fields: Sequence[Field], start: tuple[str, ...]) -> Any:
    """
    The fields below a path as nested objects, and arrays where elements are numbered.

    Union members go by their structure's name. None where there is no such field.
    """
    root: Object = {}
    for field in fields:
        path = tuple(field.path.split("."))[1:]
        if path[: len(start)] != start:
            continue
        node = root
        *parents, last = _named(path)[len(start) :]
        for name in parents:
            node = node.setdefault(name, {})
        node[last] = spelled(field)
    return _with_arrays(root) if root else None


def _named(path: tuple[str, ...]) -> tuple[str, ...]:
    for union, members in _UNIONS.items():
        for at in range(len(path) - len(union)):
            end = at + len(union)
            if path[at:end] == union and path[end] in members:
                kept = at + 1 if len(union) > 1 else end
                return (*path[:kept], members[path[end]], *path[end + 1 :])
    return path


def _with_arrays(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    shown = {name: _with_arrays(member) for name, member in node.items()}
    return list(shown.values()) if all(name.isdigit() for name in shown) else shown


def _buffer(fields: Sequence[Field]) -> Object:
    told: Object = _nested(fields, ("buffer",)) or {}
    planes = _nested(fields, ("planes",))
    told.pop("timecode", None)
    if planes is not None:
        told["m"] = {"planes": planes}
    elif "offset" not in told.get("m", {}):
        told["m"] = {}
    if "V4L2_BUF_FLAG_REQUEST_FD" not in str(told.get("flags")):
        told.pop("request_fd", None)
    return told


def _controls(fields: Sequence[Field], *, failed: bool) -> Object:
    told: Object = _nested(fields, ("ext_controls",)) or {}
    if not failed:
        told.pop("error_idx", None)
    told.pop("request_fd", None)
    controls: list[Object] = _nested(fields, ("controls",)) or []
    for control in controls:
        control.pop("ptr", None)
    told["controls"] = controls
    return told
