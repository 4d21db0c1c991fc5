"""
Every field of a record by name, with the bytes it comes from: for people, and for filters.

It reads the layouts of `wire.layouts` and so imports `construct`: import it only when a record is
looked at closely. A path is `side.structure.field`: `request.buffer.index`,
`response.controls.0.id`, `event.planes.1.bytesused`; nameless unions and the header `hdr` are left
out, as in C a structure's own fields.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vmedia_bench.trace.record import AnyRecord, Kind
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Ioctl, Shape
from vmedia_bench.wire.layouts import media as layouts
from vmedia_bench.wire.layouts.decode import buffer_size
from vmedia_bench.wire.layouts.fields import Con
from vmedia_bench.wire.layouts.leaves import Name, Path, leaves, size_of
from vmedia_bench.wire.layouts.v4l2 import payload_layout
from vmedia_bench.wire.layouts.v4l2_control import EVENT, EXT_CONTROL
from vmedia_bench.wire.layouts.v4l2_stream import BUFFER, PLANE
from vmedia_bench.wire.v4l2 import VIDEO_MAX_PLANES, Memory, is_multiplanar

REQUEST, RESPONSE, EVENT_SIDE = "request", "response", "event"
_SCALARS: Final = ("int", "__u32", "v4l2_std_id")
_USERPTR: Final = int(Memory.USERPTR)
_COMMANDS: Final[Mapping[int, Con]] = {
    media.CMD_OPEN: layouts.CMD_OPEN,
    media.CMD_CLOSE: layouts.CMD_CLOSE,
    media.CMD_IOCTL: layouts.CMD_IOCTL,
    media.CMD_MMAP: layouts.CMD_MMAP,
    media.CMD_MUNMAP: layouts.CMD_MUNMAP,
}
_RESPONSES: Final[Mapping[int, Con]] = {
    media.CMD_OPEN: layouts.RESP_OPEN,
    media.CMD_IOCTL: layouts.RESP_IOCTL,
    media.CMD_MMAP: layouts.RESP_MMAP,
    media.CMD_MUNMAP: layouts.RESP_MUNMAP,
}


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field: `bytes of side[offset : offset + length]`.

    `side` is request, response or event (an event's bytes are a record's `response`). `value` is
    the number behind a spelled text, the text of a char array, hexadecimal of raw bytes.
    `c_type` is `u32 BufType`, `char[32]` and the like.
    """

    path: str
    text: str
    offset: int
    length: int
    side: str
    value: int | str
    c_type: str

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record taken apart. `problems` says what was short or makes no sense, one line each."""

    fields: tuple[Field, ...]
    problems: tuple[str, ...]

    def side(self, side: str) -> tuple[Field, ...]:
        """The fields of the request, the response or the event."""
        return tuple(field for field in self.fields if field.side == side)

    def at(self, side: str, offset: int) -> Field | None:
        """The field that a byte belongs to; None for padding and what is reserved and zero."""
        for field in self.fields:
            if field.side == side and field.offset <= offset < field.offset + field.length:
                return field
        return None


def decode(record: AnyRecord) -> Decoded:
    """All fields of a record, in the order of their bytes, request first. Never raises."""
    problems: list[str] = []
    return Decoded(tuple(_walk(record, None, problems)), tuple(problems))


def find(record: AnyRecord, name: Name) -> Iterator[Field]:
    """The fields of a record that a name stands for; reads no others. Never raises."""
    return _walk(record, name, [])


def _walk(record: AnyRecord, only: Name | None, problems: list[str]) -> Iterator[Field]:
    if record.kind == Kind.COMMAND:
        yield from _Side(REQUEST, record.request, only, problems).command()
        answer = _Side(RESPONSE, record.response, only, problems)
        yield from answer.answer(record.request)
    elif record.kind == Kind.EVENT:
        yield from _Side(EVENT_SIDE, record.response, only, problems).event()


def tree(record: AnyRecord) -> dict[str, Any]:
    """The same as nested dicts and lists, with spelled values as text: for JSON."""
    root: dict[str, Any] = {}
    decoded = decode(record)
    for field in decoded.fields:
        *parents, last = field.path.split(".")
        node = root
        for name in parents:
            node = node.setdefault(name, {})
        number = isinstance(field.value, int) and field.text == str(field.value)
        node[last] = field.value if number else field.text
    shown: dict[str, Any] = _with_lists(root)
    if decoded.problems:
        shown["_error"] = "; ".join(decoded.problems)
    return shown


def _with_lists(node: Any) -> Any:
    """Dicts whose keys are numbers as lists."""
    if not isinstance(node, dict):
        return node
    shown = {name: _with_lists(member) for name, member in node.items()}
    listed = shown and all(name.isdigit() for name in shown)
    return list(shown.values()) if listed else shown


class _Side:
    """One byte string being taken apart from its beginning to its end."""

    def __init__(self, side: str, data: bytes, only: Name | None, problems: list[str]) -> None:
        self._side = side
        self._data = data
        self._only = only
        self._problems = problems
        self._at = 0

    def command(self) -> Iterator[Field]:
        """What the driver wrote."""
        data = self._data
        number = _word(data, 0)
        yield from self._take(_COMMANDS.get(number, layouts.CMD_HEADER), ())
        ioctl = IOCTLS.get(_word(data, 12)) if number == media.CMD_IOCTL else None
        if ioctl is not None and ioctl.direction & Direction.W:
            yield from self._payload(ioctl, with_lists=True)
        self._finish(f"unknown command {number}" if number not in _COMMANDS else "")

    def answer(self, command: bytes) -> Iterator[Field]:
        """What the device wrote to that command; an error may come as a header alone."""
        data = self._data
        number = _word(command, 0)
        if not data:
            if number != media.CMD_CLOSE:
                self._problems.append("no answer")
            return
        failed = _word(data, 0) != 0
        short = failed and len(data) <= media.RESP_HEADER.size
        layout = layouts.RESP_HEADER if short else _RESPONSES.get(number, layouts.RESP_HEADER)
        yield from self._take(layout, ())
        ioctl = IOCTLS.get(_word(command, 12)) if number == media.CMD_IOCTL else None
        answers = ioctl is not None and ioctl.direction & Direction.R
        if ioctl is not None and answers and (self._at < len(data) or not failed):
            yield from self._payload(ioctl, with_lists=False)
            if ioctl.shape is Shape.BUFFER:
                # The array that the driver sent comes back whole, however few planes count.
                end = media.RESP_HEADER.size + buffer_size(command[media.CMD_SESSION.size :])
                self._at = max(self._at, min(end, len(data)))
        self._finish("")

    def event(self) -> Iterator[Field]:
        """What the device wrote into an event buffer."""
        data = self._data
        number = _word(data, 0)
        problem = ""
        if number == media.EVT_ERROR:
            yield from self._take(layouts.EVENT_ERROR, ())
        else:
            yield from self._take(layouts.EVENT_HEADER, ())
        if number == media.EVT_DQBUF:
            start = self._at
            yield from self._take(BUFFER, ("buffer",))
            yield from self._planes(start)
            if not any(data[self._at :]):
                self._at = len(data)
            if len(data) < media.EVENT_DQBUF_SIZE:
                problem = f"a DQBUF event has {media.EVENT_DQBUF_SIZE} bytes, not {len(data)}"
        elif number == media.EVT_EVENT:
            yield from self._take(EVENT, ("v4l2_event",))
        elif number != media.EVT_ERROR:
            problem = f"unknown event {number}"
        self._finish(problem)

    def _payload(self, ioctl: Ioctl, *, with_lists: bool) -> Iterator[Field]:
        start = self._at
        yield from self._take(payload_layout(ioctl), prefix(ioctl))
        lengths: list[int] = []
        if ioctl.shape is Shape.BUFFER:
            lengths = yield from self._planes(start)
        elif ioctl.shape is Shape.EXT_CONTROLS:
            lengths = yield from self._controls(start)
        if not with_lists:
            return
        for place, length in enumerate(lengths):
            yield from self._list(place, length)

    def _planes(self, start: int) -> Generator[Field, None, list[int]]:
        """The planes behind a v4l2_buffer; returns the lengths that SG lists have to cover."""
        buffer = structs.BUFFER.unpack_from(self._data[start:].ljust(structs.BUFFER.size, b"\0"))
        kind, memory, length = buffer[1], buffer[9], buffer[11]
        if not is_multiplanar(kind):
            return [length] if memory == _USERPTR and length else []
        if length > VIDEO_MAX_PLANES:
            self._problems.append(f"{length} planes, V4L2 has at most {VIDEO_MAX_PLANES}")
        lengths = []
        for place in range(min(length, VIDEO_MAX_PLANES)):
            if self._at >= len(self._data):
                self._problems.append(f"{length} planes announced, {place} are here")
                break
            lengths.append(_word(self._data, self._at + 4))
            yield from self._take(PLANE, ("planes", str(place)), memory=memory)
        return [each for each in lengths if each] if memory == _USERPTR else []

    def _controls(self, start: int) -> Generator[Field, None, list[int]]:
        """The controls behind a v4l2_ext_controls; returns the sizes of their payloads."""
        count = _word(self._data, start + 4)
        sizes = []
        for place in range(count):
            if self._at >= len(self._data):
                self._problems.append(f"{count} controls announced, {place} are here")
                break
            sizes.append(_word(self._data, self._at + 4))
            yield from self._take(EXT_CONTROL, ("controls", str(place)))
        return [size for size in sizes if size]

    def _list(self, place: int, length: int) -> Iterator[Field]:
        covered = number = 0
        while covered < length and self._at < len(self._data):
            covered += _word(self._data, self._at + 8)
            yield from self._take(layouts.SG_ENTRY, ("sg", str(place), str(number)))
            number += 1
        if covered < length:
            self._problems.append(f"SG list {place} covers {covered} of {length} bytes")

    def _take(self, layout: Con, path: Path, **params: int) -> Iterator[Field]:
        """The fields of the next structure; those that are whole, where the bytes end early."""
        start, size = self._at, size_of(layout)
        left = len(self._data) - start
        self._at = min(start + size, len(self._data))
        if left < size:
            self._problems.append(f"{layout.c_type} has {size} bytes, {max(left, 0)} are here")
        chunk = self._data[start : start + size].ljust(size, b"\0")
        inside = leaves(layout, chunk, (self._side, *path), only=self._only, **params)
        for name, offset, length, text, value, c_type in inside:
            if offset + length <= left:
                yield Field(".".join(name), text, start + offset, length, self._side, value, c_type)

    def _finish(self, problem: str) -> None:
        if problem and self._data:
            self._problems.append(problem)
        elif not self._data:
            self._problems.append(f"the {self._side} is empty")
        left = len(self._data) - self._at
        if left and not problem:
            self._problems.append(f"{left} bytes are left over in the {self._side}")


def prefix(ioctl: Ioctl) -> Path:
    """What the path of an ioctl's payload begins with: its structure's name, () for a scalar."""
    return () if ioctl.payload in _SCALARS else (ioctl.payload.removeprefix("v4l2_"),)


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")
