"""A guest that connects, does all a program may do, leaves, and begins again, come what may."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vmedia_bench.guest.buffers import Buffer
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestError, GuestIoctlError
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import structs
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import EventSubFlag, EventType

CAPTURE, MMAP = 1, 1
BRIGHTNESS = int(Cid.BRIGHTNESS)
PATIENCE_S = 0.5
FRAMES = 12


class RestlessGuest:
    """Runs in a thread of its own within the `with` block; what it trips over is in `problem`."""

    def __init__(self, socket: Path) -> None:
        self.problem: BaseException | None = None
        self._socket = socket
        self._stop = threading.Event()
        self._round = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._round += 1
                with suppress(GuestError):
                    self._connect()
        except BaseException as problem:  # noqa: BLE001  (it is raised in the test)
            self.problem = problem

    def _connect(self) -> None:
        with Vmm.connect(self._socket, memory_size=12 << 20, timeout=PATIENCE_S) as vmm:
            driver = Driver(vmm)
            for _ in range(4):
                if self._stop.is_set():
                    return
                with suppress(GuestIoctlError), driver.open() as session:
                    self._use(session)

    def _use(self, session: Session) -> None:
        steps: tuple[Callable[[Session], None], ...] = (
            self._set_format,
            self._set_controls,
            self._make_buffers,
            self._stream,
        )
        for step in steps:
            with suppress(GuestIoctlError):
                step(session)

    def _set_format(self, session: Session) -> None:
        fmt: VideoFormat = session.get_format(CAPTURE)
        with suppress(GuestIoctlError):
            session.set_format(fmt)

    def _set_controls(self, session: Session) -> None:
        session.subscribe(int(EventType.CTRL), BRIGHTNESS, int(EventSubFlag.ALLOW_FEEDBACK))
        with suppress(GuestIoctlError):
            session.set_control(BRIGHTNESS, self._round % 200)
        session.ioctl("S_CTRL", structs.CONTROL.pack(BRIGHTNESS, 1 + self._round % 200))

    def _make_buffers(self, session: Session) -> None:
        fmt = session.ioctl("G_FMT", CAPTURE.to_bytes(4, "little") + bytes(204))
        with suppress(GuestIoctlError):
            session.ioctl("CREATE_BUFS", structs.CREATE_BUFFERS.pack(0, 1, MMAP, fmt, 0, 0, 0))
            session.buffer_ioctl("PREPARE_BUF", Buffer(0, CAPTURE, MMAP))
        session.request_buffers(0, CAPTURE, MMAP)

    def _stream(self, session: Session) -> None:
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            for frame in stream.frames(FRAMES, PATIENCE_S):
                assert frame.index < 4
