"""The process of a VideoSource: what the bench asks is asked of the real source."""

import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EIO
from fractions import Fraction
from functools import partial
from typing import Any, Final

from vmedia_bench.backends import load_object
from vmedia_bench.backends.worker import messages
from vmedia_bench.backends.worker.channel import MESSAGE_LIMIT, Channel, Message
from vmedia_bench.backends.worker.child_loop import ChildLoop
from vmedia_bench.backends.worker.declaration import Declared, declare, volatile_values
from vmedia_bench.backends.worker.shared_frames import SharedFrames
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.planes import MappedPlane
from vmedia_bench.v4l2.source import ControlValue, Format, Frame, VideoSource

_MESSAGES_A_TURN: Final = 8
_words = messages.decoder(messages.Downward)


def serve(channel: Channel, argument: tuple[str, object]) -> None:
    """Make the source that `argument` names, (target, its argument), and serve it to the bench."""
    target, options = argument
    try:
        source = load_object(target)(options)
        declared = _declaration(source)
    except ValueError as error:
        channel.send(messages.encode(messages.Refused(str(error), of_value=True)))
    except Exception as error:  # noqa: BLE001 (whatever it is, the bench says it)
        if not isinstance(error, OSError | ImportError | V4l2Error):
            traceback.print_exc()
        channel.send(messages.encode(messages.Refused(one_line(error), of_value=False)))
    else:
        channel.send(declared)
        SourceServer(channel, source).run()


def one_line(error: BaseException) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, ModuleNotFoundError):
        return f"it needs the module {error.name}, which is not installed"
    if isinstance(error, OSError | V4l2Error):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())


def _declaration(source: object) -> bytes:
    if not isinstance(source, VideoSource):
        raise TypeError(f"{source!r} is no VideoSource")
    declared: Declared = declare(source)
    data = messages.encode(declared)
    if len(data) > MESSAGE_LIMIT:
        raise OverflowError("its formats, sizes and controls are too many to describe")
    return data


@dataclass(slots=True)
class _Run:
    """A queue that streams. `kept` are frames the source does not take yet, oldest first."""

    fmt: Format
    run: int
    frames: SharedFrames
    failing: bool = False
    kept: list[messages.Drain] = field(default_factory=list)

    def planes(self, slot: int) -> list[MappedPlane]:
        view, start, planes = self.frames.slot(slot), 0, []
        for plane in self.fmt.planes:
            planes.append(MappedPlane(view[start : start + plane.sizeimage]))
            start += plane.sizeimage
        return planes


class SourceServer:
    """Serves one source over a channel; it is the source's SourceHost too."""

    def __init__(self, channel: Channel, source: VideoSource) -> None:
        self._channel = channel
        self._source = source
        self._loop = ChildLoop()
        self._runs: dict[int, _Run] = {}
        self._values = volatile_values(source)
        self._has_volatile = any(spec.volatile for spec in source.controls)

    def run(self) -> None:
        """Serve until the bench hangs up."""
        self._source.attach(self)
        self._loop.watch(self._channel.fileno(), self._readable)
        self._loop.run()
        with suppress(Exception):
            self._source.detach()

    # SourceHost

    @property
    def reactor(self) -> ChildLoop:
        """The loop of this process."""
        return self._loop

    def frame_ready(self) -> None:
        """Let fill() and drain() be tried again."""
        if any(run.kept for run in self._runs.values()):
            self._loop.later(0, self._drain_kept)
        self._say(messages.FrameReady())

    def end_of_stream(self) -> None:
        """Pass it on."""
        self._say(messages.EndOfStream())

    def source_changed(self, changes: int) -> None:
        """Pass it on."""
        self._say(messages.SourceChanged(int(changes)))

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Pass it on."""
        self._say(messages.ControlChanged(int(cid), value))

    def queued(self, buf_type: int) -> int:
        """Tell how many frames are kept for a queue; what the guest has queued is not known."""
        return len(self._runs[buf_type].kept) if buf_type in self._runs else 0

    def streaming(self, buf_type: int) -> bool:
        """Tell whether a queue streams."""
        return buf_type in self._runs

    def reset_format(self, buf_type: int) -> None:
        """Refused: what was declared stands."""
        raise NotImplementedError(f"the format of queue {buf_type} cannot change from outside")

    def fail(self, errno: int) -> None:
        """Pass it on."""
        self._say(messages.GiveUp(int(errno)))

    # What the bench says

    def _readable(self) -> None:
        for _ in range(_MESSAGES_A_TURN):
            try:
                message = self._channel.receive(wait=False)
            except BlockingIOError:
                return
            if message is None:
                self._loop.stop()
                return
            self._handle(message)

    def _handle(self, message: Message) -> None:
        words: messages.Downward = _words.decode(message.data)
        if isinstance(words, messages.Fill):
            self._fill(words)
        elif isinstance(words, messages.Drain):
            self._drain(words)
        elif isinstance(words, messages.Apply):
            self._apply(words, list(message.fds))
        else:
            self._values = volatile_values(self._source)
            self._say(messages.Values(self._values))

    def _say(self, words: messages.Upward) -> None:
        try:
            self._channel.send(messages.encode(words))
        except ConnectionError:
            self._loop.stop()

    def _apply(self, words: messages.Apply, fds: list[int]) -> None:
        failures = []
        for change in words.changes:
            try:
                self._change(change, fds)
            except V4l2Error as error:
                failures.append(_failure(change, str(error), error.errno))
            except Exception as error:  # noqa: BLE001 (the bench goes on without it)
                traceback.print_exc()
                failures.append(_failure(change, one_line(error), EIO))
        self._say(messages.Applied(failures))

    def _change(self, change: messages.Change, fds: list[int]) -> None:
        if isinstance(change, messages.Start):
            self._start(change, fds.pop(0))
        elif isinstance(change, messages.Stop):
            self._stop(change.buf_type)
        elif isinstance(change, messages.SetFormat):
            self._source.configure(change.fmt)
        elif isinstance(change, messages.SetInput):
            self._source.set_input(change.index)
        elif isinstance(change, messages.SetOutput):
            self._source.set_output(change.index)
        else:
            self._source.control_changed(change.cid, messages.control_value(change.value))

    def _start(self, change: messages.Start, fd: int) -> None:
        size = sum(plane.sizeimage for plane in change.fmt.planes)
        try:
            self._stop(change.fmt.type)
            run = _Run(change.fmt, change.run, SharedFrames(fd, change.slots, size))
            self._source.start(change.fmt, change.interval)
        except BaseException:
            os.close(fd)
            raise
        self._runs[change.fmt.type] = run

    def _stop(self, buf_type: int) -> None:
        run = self._runs.pop(buf_type, None)
        if run is not None:
            run.frames.close()
            self._source.stop(buf_type)

    # Frames

    def _fill(self, words: messages.Fill) -> None:
        run = self._run(words.run)
        if run is None:
            self._say(messages.Nothing(words.run, words.slot))
            return
        frame = Frame(words.sequence, words.timestamp_ns, words.interval)
        answer = self._attempt(run, lambda: self._made(words, run, frame))
        if isinstance(answer, str):
            self._say(messages.Broken(words.run, words.slot, answer))
            return
        self._tell_values()
        self._say(answer)

    def _made(
        self, words: messages.Fill, run: _Run, frame: Frame
    ) -> messages.Filled | messages.Nothing:
        filled = self._source.fill(frame, run.planes(words.slot))
        if filled is None:
            return messages.Nothing(words.run, words.slot)
        return messages.Filled(
            words.run,
            words.slot,
            list(map(int, filled.bytesused)),
            int(filled.flags),
            filled.field,
            filled.timestamp_ns,
        )

    def _drain(self, words: messages.Drain) -> None:
        run = self._run(words.run)
        if run is None:
            self._say(messages.Drained(words.run, words.slot))
            return
        taken = None if run.kept else self._attempt(run, lambda: self._shown(run, words))
        if isinstance(taken, str):
            self._say(messages.NotShown(words.run, words.slot, taken))
        elif taken:
            self._say(messages.Drained(words.run, words.slot))
        else:
            run.kept.append(words)
            self._say(messages.Drained(words.run, words.slot, kept=True))

    def _drain_kept(self) -> None:
        for run in list(self._runs.values()):
            while run.kept:
                words = run.kept[0]
                taken = self._attempt(run, partial(self._shown, run, words))
                if taken is False:
                    break
                del run.kept[0]
                why = taken if isinstance(taken, str) else ""
                self._say(messages.Taken(words.run, words.slot, why))

    def _shown(self, run: _Run, words: messages.Drain) -> bool:
        frame = Frame(words.sequence, words.timestamp_ns, Fraction(words.interval))
        planes = run.planes(words.slot)
        return self._source.drain(frame, planes, words.bytesused) is not False

    def _attempt(self, run: _Run, act: Callable[[], Any]) -> Any:
        """Give what `act` gives, or why it failed; of a row of failures the first is shown."""
        try:
            result = act()
        except Exception as error:  # noqa: BLE001 (told to the bench)
            if not run.failing:
                traceback.print_exc()
            run.failing = True
            return one_line(error)
        run.failing = False
        return result

    def _run(self, number: int) -> _Run | None:
        return next((run for run in self._runs.values() if run.run == number), None)

    def _tell_values(self) -> None:
        """Volatile controls that a frame has changed are news."""
        if not self._has_volatile:
            return
        values = volatile_values(self._source)
        changed = {cid: value for cid, value in values.items() if self._values.get(cid) != value}
        if changed:
            self._values = values
            self._say(messages.NewValues(changed))


def _failure(change: messages.Change, why: str, errno: int) -> messages.Failure:
    what = type(change).__name__
    return messages.Failure(what, why, errno, isinstance(change, messages.Start))
