"""A device hosted over a V4L2 device of this system."""

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

import vmedia_bench.backends.host.maker  # noqa: F401 (loaded before anything forks)
from vmedia_bench.backends import backend
from vmedia_bench.device.arena import Arena
from vmedia_bench.device.media_device import MediaDevice
from vmedia_bench.hosting import ArenaFile, FrameClock, LoopReactor
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

ARENA_SIZE = 256 << 20


async def host(socket: Path, options: dict[str, str]) -> None:
    """Host until SIGINT or SIGTERM comes."""
    loop = asyncio.get_running_loop()
    maker = backend("v4l2").build_from_text(options)
    file, clock = ArenaFile(ARENA_SIZE), FrameClock(loop)
    device = MediaDevice(
        maker,
        Arena(file.view, discard=file.discard, populate=file.populate),
        file.fd,
        now=time.monotonic_ns,
        arm=clock.arm,
        reactor=LoopReactor(loop),
    )
    clock.advance = device.advance
    server = VhostServer(device, Settings(path=socket))
    loop.add_signal_handler(signal.SIGINT, server.close)
    loop.add_signal_handler(signal.SIGTERM, server.close)
    server.start()
    await server.wait_finished()


def run(socket: Path, options: dict[str, str]) -> None:
    """Host, with a log on standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    logging.getLogger("vmedia_bench.device").setLevel(logging.DEBUG)
    asyncio.run(host(socket, options))
