"""
One streaming queue of a source that lives elsewhere: frames asked for ahead, in shared slots.

A frame passes through a slot: asked for, then ready (or nothing, or broken), then copied into
the guest's buffer on the loop, which takes some 50 us for 1080p. The child never sees memory of
the guest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from vmedia_bench.backends.worker import messages
from vmedia_bench.backends.worker.shared_frames import SharedFrames
from vmedia_bench.v4l2.source import Filled, Format, Frame, Plane

SLOTS = 2
"""One frame is made while another waits for its time."""

_NS = 1_000_000_000

Send = Callable[[messages.Fill | messages.Drain], None]


class SourceError(Exception):
    """What a source in another process failed with, in one line."""


class _State(Enum):
    FREE = 0
    ASKED = 1
    READY = 2


@dataclass(slots=True)
class _Slot:
    """One slot; `result` is what became of the frame asked for (None: the source had none)."""

    index: int
    view: memoryview
    state: _State = _State.FREE
    sequence: int = -1
    result: messages.Filled | messages.Broken | None = None


class Lane:
    """
    What capturing and showing have in common: `run` tells this start() from all others.

    `known` once the child was told of it; `starved` while a frame was wanted in vain.
    """

    def __init__(self, fmt: Format, interval: Fraction, run: int, send: Send) -> None:
        self.type = fmt.type
        self.run = run
        self.interval = interval
        self.known = False
        self.starved = False
        self._send = send
        self._sizes = [plane.sizeimage for plane in fmt.planes]
        self.frames = SharedFrames.create(SLOTS, sum(self._sizes))
        self._slots = [_Slot(index, self.frames.slot(index)) for index in range(SLOTS)]

    def close(self) -> None:
        """The queue has stopped: what is still made is void."""
        self._slots.clear()
        self.frames.close()

    def _slot(self, index: int) -> _Slot:
        """Give a slot that was asked for; ValueError when the child speaks of another."""
        for slot in self._slots:
            if slot.index == index and slot.state is _State.ASKED:
                return slot
        raise ValueError(f"slot {index} was not asked for")


class CaptureLane(Lane):
    """
    Frames that the child makes.

    A paced source is asked for the frames that come next, with the numbers and times they will
    have; one that is late is shown late. An unpaced one is asked for as many as there are slots.
    """

    def __init__(
        self, fmt: Format, interval: Fraction, run: int, send: Send, *, paced: bool
    ) -> None:
        super().__init__(fmt, interval, run, send)
        self._paced = paced
        self._told = interval if paced else Fraction(0)
        self._newest = -1
        self._base = (-1, 0)
        self._idle = False
        self._news = 0

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Copy the frame that is due, and ask ahead; None when the child has none yet."""
        again = frame.sequence == self._base[0]
        self._base = (frame.sequence, frame.timestamp_ns)
        slot = self._due(frame.sequence)
        result = None if slot is None else slot.result
        self.starved = result is None
        if slot is None:
            if again and self._paced:
                self._go_back(frame.sequence)
            if not self._idle:
                self._ask_ahead(frame.sequence - 1)
            return None
        slot.state = _State.FREE
        try:
            return None if result is None else self._copy(slot, result, planes)
        finally:
            self._ask_ahead(frame.sequence)

    def heard(self, message: messages.Filled | messages.Nothing | messages.Broken) -> bool:
        """Take an answer; whether fill() is worth a try. ValueError for one to nothing."""
        slot = self._slot(message.slot)
        outdated = self._news > 0
        self._news -= outdated
        slot.state = _State.READY
        slot.result = None if isinstance(message, messages.Nothing) else message
        if slot.result is not None or self._paced:
            return slot.result is not None
        # It says when it has one: asking again and again would keep both busy.
        slot.state = _State.FREE
        self._idle = not outdated
        return outdated

    def wake(self) -> None:
        """The source has a frame again, whatever answers from before are still under way."""
        self._news = sum(slot.state is _State.ASKED for slot in self._slots)
        self._idle = False

    def refresh(self, now_ns: int) -> None:
        """Make frames anew that nobody has fetched: the guest gave no buffers in time."""
        if not self._paced:
            return
        sequence, timestamp_ns = self._base
        current = sequence + int((now_ns - timestamp_ns) / (self.interval * _NS))
        stale = [s for s in self._slots if s.state is _State.READY and s.sequence < current]
        for slot in stale:
            slot.state = _State.FREE
        if stale:
            self._ask_ahead(current)

    def _go_back(self, sequence: int) -> None:
        """The same frame is due again: if the source had none yet, later ones are too early."""
        if any(s.state is _State.ASKED and s.sequence <= sequence for s in self._slots):
            return
        for slot in self._slots:
            if slot.state is _State.READY:
                slot.state = _State.FREE
        self._newest = sequence - 1

    def _due(self, sequence: int) -> _Slot | None:
        """Give the slot to show; older ones than that are free again."""
        ready = [slot for slot in self._slots if slot.state is _State.READY]
        if not self._paced:
            return min(ready, key=_by_sequence, default=None)
        ready = [slot for slot in ready if slot.sequence <= sequence]
        newest = max(ready, key=_by_sequence, default=None)
        for slot in ready:
            if slot is not newest:
                slot.state = _State.FREE
        return newest

    def _copy(
        self, slot: _Slot, result: messages.Filled | messages.Broken, planes: Sequence[Plane]
    ) -> Filled:
        if isinstance(result, messages.Broken):
            raise SourceError(result.why)
        if len(result.bytesused) != len(planes):
            raise SourceError(f"{len(result.bytesused)} planes filled of {len(planes)}")
        start = 0
        for plane, used, size in zip(planes, result.bytesused, self._sizes, strict=True):
            if not 0 <= used <= size:
                raise SourceError(f"{used} bytes filled of a plane of {size}")
            plane.write(0, slot.view[start : start + used])
            start += size
        return Filled(tuple(result.bytesused), result.flags, result.field, result.timestamp_ns)

    def _ask_ahead(self, after: int) -> None:
        """Ask for the frames behind `after` that nobody has asked for yet."""
        for slot in self._slots:
            if slot.state is _State.FREE:
                self._newest = max(self._newest, after) + 1
                slot.state = _State.ASKED
                slot.sequence = self._newest
                self._send(
                    messages.Fill(
                        self.run, slot.index, slot.sequence, self._time(slot.sequence), self._told
                    )
                )

    def _time(self, sequence: int) -> int:
        """Give the time that a frame will have, as far as one can tell."""
        base, timestamp_ns = self._base
        return timestamp_ns + int((sequence - base) * self._told * _NS)


class OutputLane(Lane):
    """Frames that the child shows; copied out of the guest's buffer, which is free at once."""

    def __init__(self, fmt: Format, interval: Fraction, run: int, send: Send) -> None:
        super().__init__(fmt, interval, run, send)
        self._failure = ""

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool:
        """
        Hand a frame over; False when the child has not taken those before.

        Raises SourceError when one of those before has failed.
        """
        if self._failure:
            why, self._failure = self._failure, ""
            raise SourceError(why)
        slot = next((slot for slot in self._slots if slot.state is _State.FREE), None)
        self.starved = slot is None
        if slot is None:
            return False
        start = 0
        used = [min(used, size) for used, size in zip(bytesused, self._sizes, strict=True)]
        for plane, length, size in zip(planes, used, self._sizes, strict=True):
            slot.view[start : start + length] = plane.read(0, length)
            start += size
        slot.state = _State.ASKED
        self._send(
            messages.Drain(
                self.run, slot.index, frame.sequence, frame.timestamp_ns, frame.interval, used
            )
        )
        return True

    def heard(self, message: messages.Drained | messages.Taken | messages.NotShown) -> bool:
        """Take an answer; whether a slot is free again. ValueError for an answer to nothing."""
        slot = self._slot(message.slot)
        if isinstance(message, messages.Drained):
            if message.kept:
                return False
        elif message.why:
            self._failure = message.why
        slot.state = _State.FREE
        return True


def _by_sequence(slot: _Slot) -> int:
    return slot.sequence
