"""A guest of a bench whose third session streams, in this process: it moves when it is told."""

from pathlib import Path
from types import TracebackType
from typing import Self

from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType

BUFFERS = 4


class StreamingGuest:
    """Sessions 1 and 2 are open, session 3 streams with four MMAP buffers."""

    def __init__(self, socket: Path) -> None:
        self.vmm = Vmm.connect(socket)
        self.driver = Driver(self.vmm)
        self.sessions: list[Session] = [self.driver.open() for _ in range(3)]
        self.session = self.sessions[2]
        self.stream = Stream(self.session, int(BufType.VIDEO_CAPTURE), count=BUFFERS)
        self.stream.queue_all()
        self.stream.stream_on()
        self.take(2)

    def take(self, count: int) -> list[Frame]:
        """Take and give back so many frames."""
        frames = []
        for _ in range(count):
            frame = self.stream.next_frame()
            frames.append(frame)
            self.stream.requeue(frame)
        return frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.vmm.close()
