"""What the decoding and the encoding process have in common: their inputs and their slots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from os import close

import numpy as np
import numpy.typing as npt

from vmedia_bench.backends.codec.messages import (
    Command,
    Data,
    Drain,
    Free,
    Input,
    Pool,
    Report,
    Taken,
    decode_command,
    encode,
)
from vmedia_bench.backends.worker import Channel, SharedFrames

Bytes = npt.NDArray[np.uint8]


@dataclass(slots=True)
class OpenPool:
    """Slots for results, and which are free."""

    pool: Pool
    frames: SharedFrames
    slots: list[Bytes]
    free: deque[int] = field(default_factory=deque)


class Coder(ABC):
    """Works through what the bench sends, one step at a time, and listens in between."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._work: deque[Data | Drain] = deque()
        self._frames: SharedFrames | None = None
        self.input: Input | None = None
        self.pool: OpenPool | None = None

    # What a decoder and an encoder do in their own way

    @abstractmethod
    def begin(self, command: Input) -> None:
        """Forget everything inside and begin anew."""

    @abstractmethod
    def code(self, data: bytes, command: Data) -> None:
        """Code one input; results wait inside."""

    @abstractmethod
    def finish(self, command: Drain) -> None:
        """Bring everything out that is inside, and remember to say so behind it."""

    @abstractmethod
    def deliver(self) -> bool | None:
        """Put one result into a slot; None: there are none, False: no place for it now."""

    # The loop

    def run(self) -> None:
        """Serve until the bench hangs up."""
        while self._listen(wait=not self._step()):
            pass

    def say(self, report: Report) -> None:
        """Tell the bench."""
        self._channel.send(encode(report))

    @property
    def generation(self) -> int:
        """Which input this is."""
        return self.input.generation if self.input is not None else 0

    def _step(self) -> bool:
        """Do one thing; False when there is nothing to do before the next message."""
        delivered = self.deliver()
        if delivered is not None:
            return delivered
        if not self._work:
            return False
        command = self._work.popleft()
        if isinstance(command, Drain):
            self.finish(command)
        elif self._frames is not None:
            self.code(bytes(self._frames.slot(command.slot)[: command.used]), command)
            self.say(Taken(command.generation, command.slot))
        return True

    def _listen(self, *, wait: bool) -> bool:
        """Take every message there is, waiting for one if asked to; False when it is over."""
        while True:
            try:
                message = self._channel.receive(wait=wait)
            except BlockingIOError:
                return True
            if message is None:
                return False
            self._obey(decode_command(message.data), message.fds)
            wait = False

    def _obey(self, command: Command, fds: tuple[int, ...]) -> None:
        if isinstance(command, Input):
            self._open_input(command, fds[0])
        elif isinstance(command, Pool):
            self._open_pool(command, fds)
        elif isinstance(command, Free):
            if self.pool is not None and command.pool == self.pool.pool.pool:
                self.pool.free.append(command.slot)
        elif command.generation == self.generation:
            self._work.append(command)

    def _open_input(self, command: Input, fd: int) -> None:
        if self._frames is not None:
            self._frames.close()
        self._frames = SharedFrames(fd, command.slots, command.size)
        self._work.clear()
        self.begin(command)
        self.input = command

    def _open_pool(self, pool: Pool, fds: tuple[int, ...]) -> None:
        old, self.pool = self.pool, None
        if old is not None:
            old.slots.clear()
            old.frames.close()
        if pool.slots and fds:
            frames = SharedFrames(fds[0], pool.slots, pool.size)
            slots = [np.frombuffer(frames.slot(at), np.uint8) for at in range(pool.slots)]
            self.pool = OpenPool(pool, frames, slots, deque(range(pool.slots)))
        else:
            for fd in fds:
                close(fd)
