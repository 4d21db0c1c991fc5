"""One run of the workbench, from its wishes to its farewell."""

import asyncio
import gc
import os
import signal
import sys
from dataclasses import dataclass

from vmedia_bench.control.client import BenchError, Client
from vmedia_bench.control.operations.bench import VmState
from vmedia_bench.tui.app import Wishes, Workbench
from vmedia_bench.tui.guest_runner import GuestRunner
from vmedia_bench.tui.hang_up import told_of_hang_up
from vmedia_bench.tui.link import connect_to
from vmedia_bench.tui.remembered import load, save, state_file
from vmedia_bench.tui.widgets.graphics import find_graphics


@dataclass(frozen=True, slots=True)
class Run:
    """What to open, and how."""

    bench: str
    ours: bool
    """The bench was started for this run."""
    demo: bool = False
    """Start the built-in guest at once."""
    keymap: dict[str, str] | None = None
    theme: str = ""
    graphics: bool = True


def run_workbench(run: Run) -> str:
    """Open the workbench until the operator leaves; gives what to say then.

    SIGTERM leaves as `q` does, and so does a terminal that is closed.
    """
    place = state_file()
    remembered = load(place)
    wishes = Wishes(run.keymap or {}, run.theme, find_graphics() if run.graphics else None)
    guest = GuestRunner()
    if run.demo:
        guest.start_on(run.bench)
    app = Workbench(connect_to(run.bench), wishes, remembered, guest)
    app.ready = _spare_panes

    def keep() -> None:
        app.keep()
        save(place, remembered)

    def hung_up() -> None:
        # The terminal is gone: nothing can be drawn any more, and Textual's writer may hang.
        try:
            keep()
            guest.stop()
            farewell(run)
        finally:
            os._exit(128 + signal.SIGHUP)

    try:
        with told_of_hang_up(sys.stdin.fileno(), hung_up):
            asyncio.run(_run(app))
    finally:
        guest.stop()
    keep()
    return farewell(run)


async def _run(app: Workbench) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit)
    await app.run_async()


def _spare_panes() -> None:
    """What is there now stays: a collection that walks it all would hold a key up for 200 ms."""
    gc.freeze()
    gc.set_threshold(700, 10, 30)


def farewell(run: Run) -> str:
    """End a bench of ours that nobody uses; what to say about one that goes on."""
    try:
        with Client.connect(run.bench) as client:
            status = client.call("bench.status")
            free = status["vm"] in {VmState.WAITING, VmState.GONE}
            if run.ours and free:
                client.call("bench.shutdown")
                return ""
    except BenchError:
        return ""
    stop = f"stop it with: vmedia-bench stop --bench {status['name']}"
    if free:
        return f"The bench {status['name']} runs on; {stop}"
    return (
        f"The bench {status['name']} runs on, with a VM connected, which its end may take down;"
        f" {stop} --force"
    )
