"""
A bench with fault rules that are not about G_FMT: `faulty_bench SOCKET none|disarmed|elsewhere`.

`none` has no fault engine at all. Says "listening" on stdout, and ends at SIGINT.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

from vmedia_bench.backends import backend
from vmedia_bench.bench import BenchSettings, build_device
from vmedia_bench.faults.engine import Engine
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule
from vmedia_bench.hosting import LoopReactor
from vmedia_bench.stage import BenchStage
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.vhost.server import VhostServer
from vmedia_bench.vhost.settings import Settings

RULES = 20
IOCTLS = ("QBUF", "REQBUFS", "STREAMON", "S_FMT")


def add_rules(engine: Engine, *, armed: bool) -> None:
    """Rules that G_FMT never meets."""
    for number in range(RULES):
        match = Match(on=On.COMMAND, ioctl=IOCTLS[number % len(IOCTLS)])
        state = engine.add(Rule(match=match, action=Action(do=Do.ERRNO, errno="EIO")))
        if not armed:
            engine.disarm(state.id)


async def serve(socket: Path, how: str) -> None:
    """Until SIGINT."""
    loop = asyncio.get_running_loop()
    device = build_device(backend("pattern").build(), BenchSettings(), loop)
    server = VhostServer(device, Settings(path=socket))
    if how != "none":
        stage = BenchStage(device, server, TraceRing(), soon=loop.call_soon)
        engine = Engine(time.monotonic_ns, LoopReactor(loop).later, stage)
        stage.interceptor = engine
        add_rules(engine, armed=how == "elsewhere")
    loop.add_signal_handler(signal.SIGINT, server.close)
    server.start()
    print("listening", flush=True)
    await server.wait_finished()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
