"""A VideoSource in the bench that stands for one in a process of its own."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from errno import EIO, ENODEV
from fractions import Fraction
from functools import partial
from typing import Any, Final

from vmedia_bench.backends.worker import messages
from vmedia_bench.backends.worker.comeback import Comeback
from vmedia_bench.backends.worker.declaration import Declared, same_offer
from vmedia_bench.backends.worker.declared_source import DeclaredSource
from vmedia_bench.backends.worker.lanes import SLOTS, CaptureLane, OutputLane
from vmedia_bench.backends.worker.patience import Patience
from vmedia_bench.backends.worker.process import Worker, WorkerError
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import ControlValue, Filled, Format, Frame, Plane, SourceHost
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.v4l2 import CtrlFlag, is_output

log = logging.getLogger(__name__)

START_LIMIT_S: Final = 10.0
"""How long a source may take to say what it is."""

SILENCE_LIMIT_S: Final = 3.0
"""How long it may leave anything unanswered: a guest gives up after 5 s."""

_GRACE_NS: Final = 1_000_000_000
_REFRESH_NS: Final = 100_000_000
_NS: Final = 1_000_000_000
_HAS_NO_VALUE: Final = int(CtrlFlag.WRITE_ONLY | CtrlFlag.EXECUTE_ON_WRITE)

_RUNS_IN: Final = "vmedia_bench.backends.worker.source_child:serve"
_beginning = messages.decoder(Declared | messages.Refused)
_words = messages.decoder(messages.Upward)


class WorkerSource(DeclaredSource):
    """
    The source that `target`, "module:name" of a function of `argument`, makes in a new process.

    What it declares is asked once, here: that may take as long as its process takes to start,
    `start_limit` seconds at most. From then on nothing waits: settings are messages, frames are
    asked for ahead, volatile controls have the value they had with the newest frame. A source
    that raises at a frame gives a frame with the ERROR flag; one that leaves anything unanswered
    for `silence_limit` seconds, or whose process ends, is killed, and its sessions get EVT_ERROR.
    The next session, or the next stream, has a new process with the settings of the old one; when
    they die in a row, only after a while (`Comeback`).

    Raises ValueError when the source refuses an option, WorkerError when it cannot begin.
    """

    def __init__(
        self,
        target: str,
        argument: object,
        *,
        name: str,
        now: Callable[[], int] = time.monotonic_ns,
        start_limit: float = START_LIMIT_S,
        silence_limit: float = SILENCE_LIMIT_S,
    ) -> None:
        self.name = name
        self.start_limit = start_limit
        self._silence_limit = silence_limit
        self._now = now
        self._made_of = (target, argument)
        self._worker = Worker(_RUNS_IN, self._made_of, name=name)
        try:
            super().__init__(self._ask(start_limit))
        except BaseException:
            self._worker.close()
            raise
        self._comeback = Comeback(now)
        # A new process has not said yet what it is; one that is something else is of no use.
        self._unborn = self._changed_for_good = self._rest_told = False
        self._host: SourceHost | None = None
        self._patience: Patience | None = None
        self._captures: dict[int, CaptureLane] = {}
        self._outputs: dict[int, OutputLane] = {}
        self._runs = 0
        # Settings that the child has not been told of, and whether it is at work on others.
        self._changes: dict[object, messages.Change] = {}
        # What a new process has to be told.
        self._settings: dict[object, messages.Change] = {}
        self._tried: list[messages.SetControl] = []
        self._valueless = {spec.cid for spec in self.controls if spec.flags & _HAS_NO_VALUE}
        self._applying = False
        self._values = dict(self._declared.values)
        self._reading = False
        self._cancel_refresh: Callable[[], None] | None = None

    def _ask(self, limit: float) -> Declared:
        first = self._worker.receive(limit)
        try:
            words: Declared | messages.Refused = _beginning.decode(first)
        except ValueError as error:
            raise WorkerError(f"{self.name}: its process makes no sense: {error}") from error
        if isinstance(words, Declared):
            return words
        if words.of_value:
            raise ValueError(words.why)
        raise WorkerError(f"{self.name}: {words.why}")

    @property
    def alive(self) -> bool:
        """Whether its process is still there."""
        return not self._worker.closed

    @property
    def pid(self) -> int:
        """The ID of its process."""
        return self._worker.pid

    # Its life

    def attach(self, host: SourceHost) -> None:
        """Begin to listen to the child."""
        self._host = host
        self._listen(host, self._silence_limit)

    def _listen(self, host: SourceHost, limit_s: float) -> None:
        self._patience = self._patience_of(host, limit_s)
        self._worker.watch(host.reactor, self._heard, self._ended)

    def _patience_of(self, host: SourceHost, limit_s: float) -> Patience:
        return Patience(host.reactor, self._now, int(limit_s * _NS), partial(self._silent, limit_s))

    def detach(self) -> None:
        """Hang up: the child has a moment to put things in order."""
        self._let_go(_GRACE_NS)
        self._host = None

    def session_opened(self) -> None:
        """Start a new process where the old one has died."""
        self._come_back()

    def _silent(self, limit_s: float) -> None:
        self._lose(EIO, f"its process has not answered for {limit_s:g} s and is killed")

    def _ended(self, how: str) -> None:
        self._lose(ENODEV, f"its process {how}")

    def _lose(self, errno: int, why: str) -> None:
        """The source is beyond hope: say so, and end the sessions that stream from it."""
        host = self._host
        if self._patience is None:
            return
        self._let_go()
        self._comeback.died()
        log.error("%s: %s; its sessions get %s", self.name, why, errno_name(errno))
        if host is not None:
            host.fail(errno)

    def _let_go(self, grace_ns: int = 0) -> None:
        self._worker.close(grace_ns=grace_ns)
        if self._patience is not None:
            self._patience.close()
            self._patience = None
        if self._cancel_refresh is not None:
            self._cancel_refresh()
            self._cancel_refresh = None
        for lane in (*self._captures.values(), *self._outputs.values()):
            lane.close()
        self._captures.clear()
        self._outputs.clear()
        self._changes.clear()

    def _come_back(self) -> bool:
        """Tell whether there is a process; one that has died is started anew if it is time."""
        if self.alive or self._host is None or self._changed_for_good:
            return self.alive
        wait_s = self._comeback.wait_ns / _NS
        if wait_s:
            if not self._rest_told:
                self._rest_told = True
                deaths = self._comeback.deaths
                log.warning("%s: %d failures in a row: it rests %.1f s", self.name, deaths, wait_s)
            return False
        self._rest_told = False
        try:
            self._worker = Worker(_RUNS_IN, self._made_of, name=self.name)
        except WorkerError as error:
            self._comeback.died()
            log.error("%s", error)  # noqa: TRY400 (one line is all there is to say)
            return False
        log.info("%s: its process is started anew", self.name)
        self._comeback.born()
        self._unborn = self._applying = True
        self._reading = False
        self._changes = dict(self._settings)
        self._listen(self._host, self.start_limit)
        if self._patience is not None:
            self._patience.asked()
        return True

    def _first_words(self, data: bytes) -> None:
        """Hear what a new process is; then it is told the settings."""
        words: Declared | messages.Refused = _beginning.decode(data)
        if isinstance(words, messages.Refused):
            self._lose(ENODEV, f"it cannot begin anew: {words.why}")
        elif not same_offer(words, self._declared):
            self._changed_for_good = True
            self._lose(ENODEV, "begun anew it is another device; use the backend anew")
        elif self._host is not None and self._patience is not None:
            self._unborn = self._applying = False
            self._patience.close()
            self._patience = self._patience_of(self._host, self._silence_limit)
            self._values = dict(words.values)
            if self._changes:
                self._apply()

    # Settings: the newest of each kind is sent when the child is through with those before

    def configure(self, fmt: Format) -> None:
        """Pass a format on."""
        self._change(("format", fmt.type), messages.SetFormat(fmt))

    def set_input(self, index: int) -> None:
        """Pass the input on."""
        self._change("input", messages.SetInput(index))

    def set_output(self, index: int) -> None:
        """Pass the output on."""
        self._change("output", messages.SetOutput(index))

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Pass a control on; frames asked for already may not show it."""
        self._change(("control", cid), messages.SetControl(cid, value))

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Ask for a stream; V4l2Error(ENODEV) when there is nobody to ask."""
        if not self._come_back():
            raise V4l2Error(ENODEV, f"{self.name}: its process is gone")
        self._close_lane(fmt.type)
        self._runs += 1
        if is_output(fmt.type):
            self._outputs[fmt.type] = OutputLane(fmt, interval, self._runs, self._send)
        else:
            self._captures[fmt.type] = CaptureLane(
                fmt, interval, self._runs, self._send, paced=self.paced
            )
        self._change(("run", fmt.type), messages.Start(fmt, interval, self._runs, SLOTS))
        self._refresh_later()

    def stop(self, buf_type: int) -> None:
        """End a stream; what is still made for it is void."""
        self._close_lane(buf_type)
        self._change(("run", buf_type), messages.Stop(buf_type))

    def _close_lane(self, buf_type: int) -> None:
        for lanes in (self._captures, self._outputs):
            lane = lanes.pop(buf_type, None)
            if lane is not None:
                lane.close()

    def _change(self, key: object, change: messages.Change) -> None:
        """Note a setting; a newer one of its kind takes its place, at the end of the row."""
        # A control is kept once the child has lived through it.
        if not isinstance(change, messages.Start | messages.Stop | messages.SetControl):
            self._settings[key] = change
        if not self.alive and isinstance(change, messages.SetControl):
            self._keep(change)
        if not self.alive:
            return
        self._changes.pop(key, None)
        self._changes[key] = change
        if not self._applying and self._host is not None:
            self._apply()

    def _keep(self, change: messages.SetControl) -> None:
        if change.cid not in self._valueless:
            self._settings["control", change.cid] = change

    def _apply(self) -> None:
        changes = list(self._changes.values())
        self._changes.clear()
        self._tried = [change for change in changes if isinstance(change, messages.SetControl)]
        fds = []
        for change in changes:
            lane = self._lane(change.run) if isinstance(change, messages.Start) else None
            if lane is not None:
                lane.known = True
                fds.append(lane.frames.fd)
        self._applying = True
        self._send(messages.Apply(changes), fds)

    # Frames

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Copy the frame that the child has made; None when it has not."""
        lane = next(iter(self._captures.values()), None)
        if lane is None:
            return None
        if not lane.known:
            lane.starved = True
            return None
        return lane.fill(frame, planes)

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool:
        """Hand a frame to the child; False when it has enough."""
        lane = next(iter(self._outputs.values()), None)
        if lane is None:
            return False
        if not lane.known:
            lane.starved = True
            return False
        return lane.drain(frame, planes, bytesused)

    def read_control(self, cid: int) -> ControlValue:
        """Give the newest value heard of, and ask for a newer one."""
        if not (self._reading or self._unborn) and self.alive and self._host is not None:
            self._reading = True
            self._send(messages.Read())
        if cid not in self._values:
            raise V4l2Error(EIO, f"{self.name} has never told control {cid:#x}")
        return messages.control_value(self._values[cid])

    def _refresh_later(self) -> None:
        if self._cancel_refresh is None and self._host is not None and self.paced:
            self._cancel_refresh = self._host.reactor.later(_REFRESH_NS, self._refresh)

    def _refresh(self) -> None:
        self._cancel_refresh = None
        for lane in self._captures.values():
            lane.refresh(self._now())
        if self._captures:
            self._refresh_later()

    def _send(self, message: messages.Downward, fds: Sequence[int] = ()) -> None:
        try:
            self._worker.send(messages.encode(message), fds)
        except WorkerError as error:
            # Told on the loop: who sends may be in the middle of a frame.
            why = str(error)
            if self._host is not None:
                self._host.reactor.later(0, lambda: self._unreachable(why))
            return
        if self._patience is not None:
            self._patience.asked()

    def _unreachable(self, why: str) -> None:
        if self.alive:
            self._lose(EIO, why)

    # What the child says

    def _heard(self, data: bytes) -> None:
        try:
            if self._unborn:
                self._first_words(data)
                return
            message = _words.decode(data)
            answer = _ANSWERS.get(type(message))
            if answer is None:
                _NEWS[type(message)](self, message)
                return
            if self._patience is not None:
                self._patience.answered()
            answer(self, message)
        except ValueError as error:
            self._lose(EIO, f"its process makes no sense: {error}")

    def _applied(self, message: messages.Applied) -> None:
        self._applying = False
        for change in self._tried:
            self._keep(change)
        for failure in message.failures:
            log.warning("%s: %s: %s", self.name, failure.what, failure.why)
        if self._changes:
            self._apply()
        self._wake(*self._captures.values(), *self._outputs.values())
        for failure in message.failures:
            if failure.is_start and self._host is not None:
                self._host.fail(failure.errno)

    def _captured(self, message: messages.Filled | messages.Nothing | messages.Broken) -> None:
        lane = self._lane(message.run)
        if isinstance(lane, CaptureLane) and lane.heard(message):
            self._wake(lane)

    def _shown(self, message: messages.Drained | messages.Taken | messages.NotShown) -> None:
        lane = self._lane(message.run)
        if isinstance(lane, OutputLane) and lane.heard(message):
            self._wake(lane)

    def _values_read(self, message: messages.Values) -> None:
        self._reading = False
        self._values |= message.values

    def _values_changed(self, message: messages.NewValues) -> None:
        self._values |= message.values

    def _frame_ready(self, message: messages.FrameReady) -> None:
        del message
        for lane in self._captures.values():
            lane.wake()
            self._wake(lane)

    def _control_changed(self, message: messages.ControlChanged) -> None:
        if self._host is not None:
            try:
                self._host.control_changed(message.cid, messages.control_value(message.value))
            except V4l2Error as error:
                log.warning("%s: %s", self.name, error)

    def _end_of_stream(self, message: messages.EndOfStream) -> None:
        del message
        if self._host is not None:
            self._host.end_of_stream()

    def _source_changed(self, message: messages.SourceChanged) -> None:
        if self._host is not None:
            self._host.source_changed(message.changes)

    def _gives_up(self, message: messages.GiveUp) -> None:
        if self._host is not None:
            self._host.fail(message.errno)

    def _wake(self, *lanes: CaptureLane | OutputLane) -> None:
        if self._host is not None and any(lane.starved for lane in lanes):
            self._host.frame_ready()

    def _lane(self, run: int) -> CaptureLane | OutputLane | None:
        """Give the lane of a run; None for one that has been stopped."""
        lanes: list[CaptureLane | OutputLane] = [*self._captures.values()]
        lanes += self._outputs.values()
        return next((lane for lane in lanes if lane.run == run), None)


_ANSWERS: Final[Mapping[type, Callable[[WorkerSource, Any], None]]] = {
    messages.Applied: WorkerSource._applied,
    messages.Filled: WorkerSource._captured,
    messages.Nothing: WorkerSource._captured,
    messages.Broken: WorkerSource._captured,
    messages.Drained: WorkerSource._shown,
    messages.NotShown: WorkerSource._shown,
    messages.Values: WorkerSource._values_read,
}
_NEWS: Final[Mapping[type, Callable[[WorkerSource, Any], None]]] = {
    messages.Taken: WorkerSource._shown,
    messages.NewValues: WorkerSource._values_changed,
    messages.FrameReady: WorkerSource._frame_ready,
    messages.EndOfStream: WorkerSource._end_of_stream,
    messages.SourceChanged: WorkerSource._source_changed,
    messages.ControlChanged: WorkerSource._control_changed,
    messages.GiveUp: WorkerSource._gives_up,
}
