"""What rules do to the answer of a command."""

from collections.abc import Callable
from typing import Protocol

from vmedia_bench.faults.entry import Entry
from vmedia_bench.faults.rule import Do
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import IOCTLS, Shape

_HEADER_SIZE = media.RESP_HEADER.size
_COMMAND_SIZE = media.CMD_SESSION.size
_CONTROLS = structs.EXT_CONTROLS
_MAX_CONTROLS = 1024
_ERROR_IDX = slice(8, 12)


class Answer(Protocol):
    """An answer that comes later; the transport's Pending."""

    def then(self, done: Callable[..., None]) -> None:
        """Call `done(response)` or `done(response, used length to report)` once."""
        ...


Response = bytes | Answer
Execute = Callable[[], Response]
Answered = tuple[bytes, int | None]
"""The bytes to write, and the used length to report where it is another."""


class Late:
    """An answer that is settled some time, or never: then it is `lost`.

    The transport keeps the chain of a lost one, even when its ring stops: Linux's driver must not
    get back what it has given up.
    """

    __slots__ = ("_answer", "_done", "lost")

    def __init__(self, *, lost: bool = False) -> None:
        self.lost = lost
        self._answer: Answered | None = None
        self._done: Callable[..., None] | None = None

    def then(self, done: Callable[..., None]) -> None:
        """Call `done(response, used)` as soon as there is one."""
        if self._answer is None:
            self._done = done
        else:
            done(*self._answer)

    def settle(self, data: bytes, used: int | None = None) -> None:
        """Make the answer known."""
        self._answer = (data, used)
        if self._done is not None:
            self._done(data, used)


def answer_for(entry: Entry, request: bytes, execute: Execute) -> tuple[Response, str]:
    """Let a rule answer a command; gives the answer and what was done, in words."""
    plan = entry.plan
    action = plan.rule.action
    match action.do:
        case Do.NEVER:
            return Late(lost=True), "never answered"
        case Do.ERRNO:
            answer: Response = errno_answer(request, plan.errno)
            text = f"answered {errno_name(plan.errno)}"
        case Do.HEADER_ONLY:
            answer = _changed(execute(), lambda data: (data[:_HEADER_SIZE], None))
            text = "answered by its header only"
        case Do.USED_LENGTH:
            answer = _changed(execute(), lambda data: (data, action.length))
            text = f"answered with used length {action.length}"
        case Do.CORRUPT:
            patch = plan.patch
            assert patch is not None
            answer = _changed(execute(), lambda data: (patch.apply(data), None))
            what = f"{action.field} = {action.value}" if action.field else f"hex {action.hex}"
            text = f"answered with {what}"
        case _:
            answer, text = execute(), "answered"
    if plan.delay_ns:
        answer = _later(entry, plan.delay_ns, answer)
        text += f" {plan.delay_ns / 1e6:g} ms late"
    return answer, text


def errno_answer(request: bytes, errno: int) -> bytes:
    """A failed command's response: a header, and the controls where the driver wants them back.

    Linux's driver takes an EXT_CTRLS error without payload for EINVAL, so `error_idx` goes with
    it: the count, as for an error that no single control is to blame for.
    """
    header = media.RESP_HEADER.pack(errno)
    if len(request) < _COMMAND_SIZE:
        return header
    command, _session, number = media.CMD_SESSION.unpack_from(request)
    ioctl = IOCTLS.get(number) if command == media.CMD_IOCTL else None
    if ioctl is None or ioctl.shape is not Shape.EXT_CONTROLS:
        return header
    payload = bytearray(request[_COMMAND_SIZE:])
    if len(payload) < _CONTROLS.size:
        return header
    count = _CONTROLS.unpack_from(payload)[1]
    payload[_ERROR_IDX] = count.to_bytes(4, "little")
    controls = min(count, _MAX_CONTROLS) * structs.EXT_CONTROL.size
    return header + payload[: _CONTROLS.size + controls]


def _changed(answer: Response, change: Callable[[bytes], Answered]) -> Response:
    """The answer as `change` makes it; an empty one (CLOSE) keeps its bytes."""
    if isinstance(answer, bytes):
        data, used = change(answer)
        if used is None:
            return data
        late = Late()
        late.settle(data, used)
        return late
    changed = Late()
    answer.then(lambda data, _used=None: changed.settle(*change(data)))
    return changed


def _later(entry: Entry, delay_ns: int, answer: Response) -> Response:
    late = Late()

    def due() -> None:
        if isinstance(answer, bytes):
            late.settle(answer)
        else:
            answer.then(late.settle)

    entry.hold(delay_ns, due)
    return late
