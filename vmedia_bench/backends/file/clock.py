"""Which picture of the file a frame of the camera shows; no process and no clock of its own."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING

from vmedia_bench.backends.file.media import NS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmedia_bench.backends.file.messages import Ready


class PlayClock:
    """
    Matches frames that are ready, in the file's time, to the camera's frames.

    Of a frame that is late the one before is shown on and the file's time stands still, so
    nothing is skipped because decoding is slow. `release` is told of slots that are done with.
    `ended` is set once no more frames come; `over` says that the last one was shown.
    """

    def __init__(self, interval: Fraction, percent: int, release: Callable[[Ready], None]) -> None:
        self.interval = interval
        self.ended = False
        self.over = False
        self._release = release
        self._percent = percent
        self._waiting: deque[Ready] = deque()
        self._shown: Ready | None = None
        self._anchor_ns = 0
        self._anchor_sequence = 0
        self._last_sequence = 0
        self._fresh = True

    @property
    def step(self) -> Fraction:
        """How much of the file's time passes from frame to frame, in seconds."""
        return self.interval * self._percent / 100

    @property
    def starved(self) -> bool:
        """Whether there is nothing to show next, and something is to come."""
        return not (self._waiting or self.ended)

    @property
    def position_ns(self) -> int:
        """The time of the picture that is shown."""
        return self._shown.time_ns if self._shown is not None else 0

    def add(self, ready: Ready) -> None:
        """Take a frame that is ready; they come in the file's order."""
        self._waiting.append(ready)

    def set_speed(self, percent: int) -> None:
        """Play faster, slower, or not at all (0), from the present place on."""
        self._anchor_ns = self._target(self._last_sequence)
        self._anchor_sequence = self._last_sequence
        self._percent = percent

    def restart(self) -> None:
        """Wait for the first frame from another place; the last one is shown until then."""
        self.drop_waiting()
        self._fresh = True
        self.ended = self.over = False

    def drop_waiting(self) -> None:
        """Give back every frame that was not shown."""
        while self._waiting:
            self._release(self._waiting.popleft())

    def next_unpaced(self) -> Ready | None:
        """Give the next frame; None when there is none yet, or none any more."""
        if not self._waiting:
            if self._shown is not None and not self._shown.duration_ns:
                return self._shown
            self.over = self.ended
            return None
        self._show_next()
        return self._shown

    def at(self, sequence: int) -> Ready | None:
        """Give what the camera's frame of this number shows; None: nothing yet, or no more."""
        self._last_sequence = sequence
        if self.over:
            return None
        if self._fresh:
            return self._first(sequence)
        target = self._target(sequence)
        # Times in files are rounded, so a picture belongs to the frame that is nearest to it.
        reach = target + int(self.step * NS / 2)
        while self._waiting and self._waiting[0].time_ns < reach:
            self._show_next()
        shown = self._shown
        if shown is None or self._waiting or not shown.duration_ns:
            return shown
        end_ns = shown.time_ns + shown.duration_ns
        if end_ns >= reach:
            return shown
        if self.ended:
            self.over = True
            return None
        self._anchor(sequence, end_ns - int(self.step * NS))
        return shown

    def _first(self, sequence: int) -> Ready | None:
        """Begin with what is there; until then the picture from before is shown on."""
        if self._waiting:
            self._show_next()
            self._anchor(sequence)
            self._fresh = False
        elif self.ended:
            self.over = True
            return None
        return self._shown

    def _target(self, sequence: int) -> int:
        passed = (sequence - self._anchor_sequence) * self.step * NS
        return self._anchor_ns + int(passed)

    def _anchor(self, sequence: int, time_ns: int | None = None) -> None:
        self._anchor_sequence = sequence
        self._anchor_ns = self.position_ns if time_ns is None else time_ns

    def _show_next(self) -> None:
        if self._shown is not None:
            self._release(self._shown)
        self._shown = self._waiting.popleft()
