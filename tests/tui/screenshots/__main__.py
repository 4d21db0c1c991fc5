"""`make screenshots`: pictures of the workbench, from a bench with a scripted guest on it."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.cells import screen_picture, screen_text
from tests.tui.screenshots.freshness import FOLDER, STAMP, sources_digest
from vmedia_bench.control.client import Client
from vmedia_bench.tui.app import Wishes, Workbench
from vmedia_bench.tui.link import connect_to
from vmedia_bench.tui.remembered import Remembered
from vmedia_bench.tui.starting import start_bench

NAME = "cam0"
CAMERA = ("--size", "1280x720", "--pixel-format", "NV12", "--fps", "30", "--motion", "4")
LIMIT_S = 60.0
LARGE, SMALL = (160, 45), (80, 24)


@dataclass(frozen=True)
class Shot:
    """One picture: which keys lead to it, and what has to be on screen."""

    name: str
    keys: tuple[str, ...] = ()
    shows: str = ""
    size: tuple[int, int] = LARGE
    theme: str = ""
    guest: bool = True


SHOTS = (
    Shot("waiting", ("3",), "libkrun", guest=False),
    Shot("workbench", ("4",), "● streaming"),
    Shot("workbench-light", ("4",), "● streaming", theme="vmedia-light"),
    Shot("small", ("4",), "QBUF", SMALL),
    Shot("small-preview", ("3",), "NV12", SMALL),
    Shot("filter", ("4", "/", "paste:status != 0", "enter", "home"), "EINVAL"),
    Shot(
        "record",
        ("4", "/", "paste:ioctl == QUERYBUF", "enter", "home", "enter", *("down",) * 6),
        "Request",
    ),
    Shot("probe", ("3", "plus", "p"), "┼"),
    Shot("controls", ("7",), "Brightness"),
    Shot("rings", ("8",), "in buffers"),
    Shot("faults", ("do:faults", "9"), "FAULT"),
    Shot("backend", ("0", "end", "enter", "wait:Options of", "f2"), "EVT_ERROR ENODEV"),
)


def main() -> None:
    """Make all pictures, or those named."""
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        for guest in (False, True):
            shots = [s for s in SHOTS if s.guest is guest and (not wanted or s.name in wanted)]
            with _bench(guest):
                for shot in shots:
                    asyncio.run(_take(shot))
    if not wanted:
        STAMP.write_text(sources_digest() + "\n")


@contextmanager
def _bench(guest: bool) -> Iterator[None]:
    bench = start_bench(NAME, CAMERA)
    process = None
    try:
        with Client.connect(NAME) as client:
            if guest:
                socket = client.call("bench.status")["socket"]
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.tui.screenshots.guest", socket]
                )
                client.call("bench.wait", condition="frames", count=200, timeout_s=LIMIT_S)
        yield
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        bench.stop()


async def _take(shot: Shot) -> None:
    app = Workbench(connect_to(NAME), Wishes(theme=shot.theme), Remembered())
    async with app.run_test(size=shot.size, notifications=True) as pilot:
        await _until(pilot, lambda: app.view is not None)
        # The sparklines have a past then.
        await pilot.pause(4.0 if shot.guest else 1.0)
        for key in shot.keys:
            await _press(app, pilot, key)
        await _until(pilot, lambda: shot.shows in screen_text(app))
        await pilot.pause(1.0)
        picture = screen_picture(app)
        picture.save(FOLDER / f"{shot.name}.png", optimize=True)
        svg = app.export_screenshot(title=f"vmedia-bench · {shot.name}", simplify=True)
        (FOLDER / f"{shot.name}.svg").write_text(svg, encoding="utf-8")
        print(f"screenshots/{shot.name}: {shot.size[0]}x{shot.size[1]}")


async def _press(app: Workbench, pilot: Pilot[None], key: str) -> None:
    what, _, text = key.partition(":")
    if what == "paste":
        await _until(pilot, lambda: isinstance(app.screen.focused, Input))
        assert app.screen.focused is not None
        app.screen.focused.post_message(events.Paste(text))
    elif what == "wait":
        await _until(pilot, lambda: text in screen_text(app))
    elif what == "do":
        await asyncio.to_thread(_faults)
    else:
        app.simulate_key({"/": "slash"}.get(key, key))
    await pilot.pause(0.5)


def _faults() -> None:
    """Some rules: one fires, one has fired, one is off."""
    late = {"match": {"on": "command", "ioctl": "QBUF"}, "action": {"do": "delay", "delay_ms": 4}}
    often = late | {"schedule": {"every": 10}, "name": "slow QBUF"}
    busy = {
        "match": {"on": "command", "ioctl": "S_FMT"},
        "action": {"do": "errno", "errno": "EBUSY"},
    }
    once = {
        "match": {"on": "command", "ioctl": "S_INPUT"},
        "action": {"do": "errno", "errno": "EIO"},
        "schedule": {"count": 1},
    }
    with Client.connect(NAME) as client:
        client.call("faults.clear")
        for rule in (often, busy, once):
            client.call("faults.add", rule=rule)
        client.call("faults.disarm", id=client.call("faults.list")["faults"][1]["id"])
        client.call("bench.wait", condition="faults", count=2, timeout_s=LIMIT_S)


async def _until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    limit = loop.time() + LIMIT_S
    while not holds():
        if loop.time() > limit:
            raise TimeoutError(screen_text(pilot.app))
        await pilot.pause(0.1)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
