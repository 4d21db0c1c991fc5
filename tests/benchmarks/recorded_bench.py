"""
A bench with its recorder off, on, or on and writing to disk: `recorded_bench SOCKET off|ring|FILE`.

Says "listening" on stdout, and ends at SIGINT with "recorded N" and what went wrong, if anything.
"""

import asyncio
import signal
import sys
from pathlib import Path

from vmedia_bench.backends import backend
from vmedia_bench.bench import BenchSettings, build_device
from vmedia_bench.trace.recording import Recording
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings


async def serve(socket: Path, how: str) -> None:
    """Until SIGINT."""
    loop = asyncio.get_running_loop()
    device = build_device(backend("pattern").build(), BenchSettings(), loop)
    ring = TraceRing()
    server = VhostServer(device, Settings(path=socket), recorder=None if how == "off" else ring)
    recording = Recording(ring, Path(how)) if how not in {"off", "ring"} else None
    if recording is not None:
        recording.start()
    loop.add_signal_handler(signal.SIGINT, server.close)
    server.start()
    print("listening", flush=True)
    await server.wait_finished()
    if recording is not None:
        await recording.stop()
        print(f"recorded {recording.records} {recording.error}", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
