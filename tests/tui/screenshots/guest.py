"""A guest with something to look at: one session streams, one is refused, one only waits."""

import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestError, GuestIoctlError
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType, Memory

FRAMES = 1_000_000


def main(socket: Path) -> None:
    """Stream until told to stop."""
    with Vmm.connect(socket) as vmm, ExitStack() as open_sessions:
        driver = Driver(vmm)
        first, second, _third = (open_sessions.enter_context(driver.open()) for _ in range(3))
        with Stream(first, BufType.VIDEO_CAPTURE, memory=Memory.MMAP, count=6) as stream:
            stream.queue_all()
            stream.stream_on()
            for place, _frame in enumerate(stream.frames(FRAMES)):
                if place == 30:
                    with suppress(GuestIoctlError):
                        second.request_buffers(4, BufType.VIDEO_CAPTURE, Memory.MMAP)
                if place % 45 == 40:
                    with suppress(GuestIoctlError):
                        second.ioctl("S_INPUT", bytes((7, 0, 0, 0)))


if __name__ == "__main__":
    with suppress(GuestError, KeyboardInterrupt):
        main(Path(sys.argv[1]))
