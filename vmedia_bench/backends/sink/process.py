"""The helper process of a sink that records: frames come in shared slots and go to a file."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from os import close
from pathlib import Path

from vmedia_bench.backends.sink.messages import (
    Begin,
    End,
    Failed,
    Opened,
    Take,
    Taken,
    decode_command,
    encode,
)
from vmedia_bench.backends.sink.recording import Recording
from vmedia_bench.backends.worker import Channel, SharedFrames


def main(channel: Channel, path: Path) -> None:
    """Serve until the bench hangs up."""
    recorder = Recorder(channel, path)
    while (message := channel.receive()) is not None:
        command = decode_command(message.data)
        if isinstance(command, Begin):
            recorder.begin(command, message.fds[0])
            continue
        for fd in message.fds:
            close(fd)
        if isinstance(command, Take):
            recorder.take(command)
        elif isinstance(command, End):
            recorder.end()
    # The bench may be gone already: then nobody hears that the file is finished.
    with suppress(ConnectionError):
        recorder.end()


class Recorder:
    """The recording under way, if there is one."""

    def __init__(self, channel: Channel, path: Path) -> None:
        self._channel = channel
        self._path = path
        self._number = 0
        self._frames: SharedFrames | None = None
        self._recording: Recording | None = None

    def begin(self, begin: Begin, fd: int) -> None:
        """Open a file."""
        self.end()
        self._frames = SharedFrames(fd, begin.slots, begin.size)
        self._number = begin.recording
        try:
            self._recording = Recording(
                self._path, begin.pixelformat, (begin.width, begin.height), Fraction(*begin.rate)
            )
        except (OSError, ValueError) as error:
            self._fail(error)
        else:
            self._channel.send(encode(Opened(str(self._recording.path))))

    def take(self, take: Take) -> None:
        """Record a frame, and give its slot back whatever became of it."""
        if self._frames is None or take.recording != self._number:
            return
        if self._recording is not None:
            try:
                self._recording.add(bytes(self._frames.slot(take.slot)[: take.used]))
            except (OSError, ValueError) as error:
                self._fail(error)
        self._channel.send(encode(Taken(take.recording, take.slot)))

    def end(self) -> None:
        """Finish the file."""
        recording, self._recording = self._recording, None
        if self._frames is not None:
            self._frames.close()
            self._frames = None
        if recording is None:
            return
        try:
            recording.close()
        except (OSError, ValueError) as error:
            self._fail(error)
        else:
            closed = Opened(str(recording.path), recording.frames, closed=True)
            self._channel.send(encode(closed))

    def _fail(self, error: Exception) -> None:
        self._recording = None
        self._channel.send(encode(Failed(self._number, f"{self._path}: {error}")))
