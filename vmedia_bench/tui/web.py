"""The workbench in a browser: textual-serve's terminal on a page of our own, a process per tab."""

import asyncio
import html
import logging
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from vmedia_bench.tui.guest_runner import GuestRunner
from vmedia_bench.tui.running import Run, farewell

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
BEAT_S = 15.0
END_LIMIT_S = 10.0
LEAST, MOST = 20, 1000
"""Cells that a browser may ask for, across and down."""
NOT_FRAMED = {"Content-Security-Policy": "frame-ancestors 'none'"}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    return host in LOOPBACK


def run_web(run: Run, host: str, port: int) -> str:
    """Serve the workbench until the operator ends it; gives what to say then.

    OSError where the port cannot be had.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # The server ends in order on SIGTERM: so it does with its terminal.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    guest = GuestRunner()
    try:
        if run.demo:
            guest.start_on(run.bench)
        WebWorkbench(run.bench, host, port).serve()
    finally:
        guest.stop()
        said = farewell(run)
    return said


class Tab(AppService):
    """The workbench of one browser tab; its page is told when it ends, however it ends."""

    async def run(self) -> None:
        """Run it to its end, and leave nothing of its process behind."""
        await super().run()
        if self._process is not None:
            self.stdin.close()
            await self._process.wait()
        await self.remote_close()


class WebWorkbench(Server):
    """Serves the workbench on a bench to browsers."""

    def __init__(self, bench: str, host: str, port: int) -> None:
        words = (sys.executable, "-m", "vmedia_bench", "tui", "--bench", bench)
        super().__init__("exec " + shlex.join(words), host=host, port=port, title="vmedia-bench")
        self._bench = bench
        self._tabs: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def serve(self, debug: bool = False) -> None:
        """Serve until SIGINT or SIGTERM. OSError where the port cannot be had."""
        logging.basicConfig(level=logging.WARNING, format="vmedia-bench: %(message)s")
        self.debug = debug
        web.run_app(
            self.application(),
            host=self.host,
            port=self.port,
            access_log=None,
            shutdown_timeout=END_LIMIT_S,
            print=self._announce,
        )

    def application(self) -> web.Application:
        """Page, terminal, downloads and the files that the page needs."""
        application = web.Application()
        application.add_routes(
            (
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            )
        )
        application.on_shutdown.append(self.on_shutdown)
        return application

    def _announce(self, *_: object) -> None:
        print(f"The workbench on {self._bench}: {self.url}\nCtrl-C ends it.", flush=True)

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002  aiohttp's shape
        """End what runs for the tabs."""
        for tab in self._tabs:
            tab.cancel()
        await asyncio.gather(*self._tabs, return_exceptions=True)

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page."""
        self._check(request)
        page = Template(files(__package__).joinpath("web.html").read_text(encoding="utf-8"))
        text = page.substitute(bench=html.escape(self._bench))
        return web.Response(text=text, content_type="text/html", headers=NOT_FRAMED)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One tab, for as long as its page is open."""
        self._check(request)
        socket = web.WebSocketResponse(heartbeat=BEAT_S)
        await socket.prepare(request)
        tab = Tab(
            self.command,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=socket.close,  # type: ignore[arg-type]
            download_manager=self.download_manager,
            debug=self.debug,
        )
        task = asyncio.current_task()
        assert task is not None
        self._tabs.add(task)
        try:
            await tab.start(_cells(request, "width", 80), _cells(request, "height", 24))
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await _pass_on(message.json(), tab, socket)
        finally:
            self._tabs.discard(task)
            await tab.stop()
            await socket.close()
        return socket

    def _check(self, request: web.Request) -> None:
        """HTTPForbidden for other sites' pages, which a browser would let in from loopback."""
        name = urlsplit(f"//{request.host}").hostname or ""
        if is_loopback(self.host) and not is_loopback(name):
            raise web.HTTPForbidden(text=f"This is {self.url}, not {request.host}.\n")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="The page of another site may not use the workbench.\n")


def _cells(request: web.Request, name: str, default: int) -> int:
    try:
        return max(LEAST, min(int(request.query.get(name, default)), MOST))
    except ValueError:
        return default


async def _pass_on(message: Sequence[Any], tab: AppService, socket: web.WebSocketResponse) -> None:
    """What textual-serve's script sends: keys, size, focus, and whether we are there."""
    match message:
        case ["stdin", str(keys)]:
            await tab.send_bytes(keys.encode())
        case ["resize", {"width": int(width), "height": int(height)}]:
            await tab.set_terminal_size(width, height)
        case ["focus"]:
            await tab.focus()
        case ["blur"]:
            await tab.blur()
        case ["ping", word]:
            await socket.send_json(["pong", word])
