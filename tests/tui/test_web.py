"""The workbench for browsers: the page, a tab's terminal, and who is let in."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from tests.signals import handled
from tests.tui.conftest import Bench
from vmedia_bench.cli.app import run
from vmedia_bench.control.names import running_benches
from vmedia_bench.tui.web import WebWorkbench

LIMIT_S = 120.0
POLL_S = 0.05


class Browser:
    """What a page's script does: it opens the terminal and sends what is typed."""

    def __init__(self, terminal: ClientWebSocketResponse) -> None:
        self._terminal = terminal
        self.text = ""

    async def until_seen(self, text: str) -> None:
        """Read until a text was written."""
        async with asyncio.timeout(LIMIT_S):
            while text not in self.text:
                message = await self._terminal.receive()
                assert message.type == WSMsgType.BINARY, f"{text!r} did not come: {message}"
                written = message.data.decode(errors="replace")
                self.text += re.sub(r"\x1b\[[0-9;?=<>:]*[a-zA-Z]", "", written)

    async def press(self, keys: str) -> None:
        """Press keys; what was written before does not count any more."""
        self.text = ""
        await self._terminal.send_json(["stdin", keys])

    async def until_closed(self) -> None:
        """Read until the other side closes."""
        async with asyncio.timeout(LIMIT_S):
            async for _ in self._terminal:
                pass
        assert self._terminal.closed


@asynccontextmanager
async def tab(url: str, size: str = "width=100&height=30") -> AsyncIterator[Browser]:
    """A browser tab."""
    async with (
        ClientSession() as session,
        session.ws_connect(f"{url}/ws?{size}", origin=url) as terminal,
    ):
        yield Browser(terminal)


@asynccontextmanager
async def served(bench: str, command: str = "") -> AsyncIterator[str]:
    """The workbench on a bench, served from this process."""
    workbench = WebWorkbench(bench, "127.0.0.1", 8000)
    if command:
        workbench.command = command
    async with TestServer(workbench.application()) as server:
        yield str(server.make_url("")).rstrip("/")


def workbenches(bench: str) -> list[int]:
    """The processes that show a bench."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"tui" in words and bench.encode() in words:
            found.append(int(entry.parent.name))
    return found


async def until_none(bench: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while workbenches(bench):
            await asyncio.sleep(POLL_S)


async def test_the_page_needs_nothing_from_elsewhere(idle: Bench) -> None:
    async with served(idle.name) as url, ClientSession() as session:
        async with session.get(url) as answer:
            page = await answer.text()
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert f"<title>vmedia-bench: {idle.name}</title>" in page
        assert "://" not in page
        for name in re.findall(r"/static/[^\"]+", page):
            async with session.get(url + name) as answer:
                assert answer.status == 200, name


async def test_a_tab_shows_the_bench_and_takes_keys(streaming: Bench) -> None:
    async with served(streaming.name) as url, tab(url) as browser:
        await browser.until_seen("● streaming")
        await browser.press("4")
        await browser.until_seen("QBUF")
        await browser.press("?")
        await browser.until_seen("Keys everywhere")
        assert len(workbenches(streaming.name)) == 1


async def test_a_tab_that_closes_leaves_no_process_and_the_bench_as_it_was(
    streaming: Bench,
) -> None:
    async with served(streaming.name) as url:
        async with tab(url) as first, tab(url) as second:
            await first.until_seen("● streaming")
            await second.until_seen("● streaming")
            assert len(workbenches(streaming.name)) == 2
        await until_none(streaming.name)
    assert streaming.call("sessions.list")["sessions"]


async def test_q_closes_the_tab(streaming: Bench) -> None:
    async with served(streaming.name) as url, tab(url) as browser:
        await browser.until_seen("● streaming")
        await browser.press("q")
        await browser.until_closed()
    await until_none(streaming.name)


async def test_a_workbench_that_does_not_start_closes_the_tab(idle: Bench) -> None:
    async with served(idle.name, "exec false") as url, tab(url) as browser:
        await browser.until_closed()


async def test_a_size_that_makes_no_sense_is_none(idle: Bench) -> None:
    async with served(idle.name) as url, tab(url, "width=-5&height=many") as browser:
        await browser.until_seen("80x24")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Origin", "http://elsewhere.example"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "null"),
        ("Host", "elsewhere.example"),
    ],
)
async def test_pages_of_other_sites_get_no_terminal(idle: Bench, header: str, value: str) -> None:
    async with served(idle.name) as url, ClientSession() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            async with session.ws_connect(f"{url}/ws", headers={header: value}):
                pass
        assert refused.value.status == 403
    assert not workbenches(idle.name)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as owner:
        yield owner.getsockname()[1]


def test_a_port_that_is_taken_is_said(
    idle: Bench, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["web", "--bench", idle.name, "--port", str(taken)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"vmedia-bench: 127.0.0.1:{taken} cannot be had: ")
    assert "--port names another one" in said


def test_another_address_is_warned_of(
    idle: Bench, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["web", "--bench", idle.name, "--host", "0.0.0.0", "--port", str(taken)]) == 1
    assert f"anybody who can reach 0.0.0.0:{taken} controls the bench" in capsys.readouterr().err


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port: int = owner.getsockname()[1]
        return port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_the_command_serves_a_demo_to_all_tabs_and_ctrl_c_ends_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    port = free_port()
    with handled(number, signal.SIG_DFL):
        command = subprocess.Popen(
            [sys.executable, "-m", "vmedia_bench", "web", "--demo", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
            start_new_session=True,
        )
    try:
        assert command.stdout is not None
        url = f"http://127.0.0.1:{port}"
        assert command.stdout.readline() == f"The workbench on cam0: {url}\n"
        async with tab(url) as first, tab(url) as second:
            await first.until_seen("● streaming")
            await second.until_seen("● streaming")
            assert running_benches() == ["cam0"]
            command.send_signal(number)
            await first.until_closed()
            await second.until_closed()
        assert command.wait(LIMIT_S) == 0
        assert running_benches() == []
    finally:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
        command.wait()
