"""Who may come in, and for how long: a server on a loop of the test's own."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vmedia_bench.backends import backend
from vmedia_bench.bench import Bench, BenchSettings
from vmedia_bench.control.server.client_connection import Limits
from vmedia_bench.control.server.listening import own_control_socket
from vmedia_bench.control.server.server import ControlServer, ServerSettings

LIMIT_S = 20
STATUS = b'{"jsonrpc": "2.0", "id": 1, "method": "bench.status"}\n'
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(folder: Path, settings: ServerSettings) -> AsyncIterator[Path]:
    """A control server over a bench whose VM socket nobody needs; gives its path."""
    path = own_control_socket("test")
    loop = asyncio.get_running_loop()
    options = BenchSettings(socket_path=folder / "vm.sock", shmem_size=1 << 20)
    bench = Bench(backend("pattern").build(), options, loop)
    server = ControlServer(path, bench.workbench, settings)
    server.start()
    try:
        yield path
    finally:
        server.close()
        bench.close()


def run(settings: ServerSettings, folder: Path, do: Callable[[Path], Awaitable[None]]) -> None:
    """Do something with a server that runs with these settings."""

    async def body() -> None:
        async with serving(folder, settings) as path, asyncio.timeout(LIMIT_S):
            await do(path)

    asyncio.run(body())


def test_processes_of_other_users_are_turned_away(folder: Path) -> None:
    async def do(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.read() == b""
        writer.close()

    run(ServerSettings(users={os.geteuid() + 4242}), folder, do)


def test_processes_of_this_user_and_of_root_may_come(folder: Path) -> None:
    assert set(ServerSettings().users) == {0, os.geteuid()}

    async def do(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(STATUS)
        assert json.loads(await reader.readline())["result"]["name"] == "cam0"
        writer.close()

    run(ServerSettings(), folder, do)


def test_a_client_that_stops_reading_is_parted_with(folder: Path) -> None:
    async def do(path: Path) -> None:
        _reader, writer = await asyncio.open_unix_connection(path, limit=1)
        with pytest.raises(ConnectionError):
            await _ask_forever(writer)

    run(ServerSettings(limits=Limits(stall_s=0.2)), folder, do)


async def _ask_forever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(STATUS * 100)
        await writer.drain()


def test_a_place_that_becomes_free_is_given_to_the_next(folder: Path) -> None:
    async def do(path: Path) -> None:
        first = await asyncio.open_unix_connection(path)
        await _status(first)
        second = await asyncio.open_unix_connection(path)
        assert "error" in json.loads(await second[0].readline())
        first[1].close()
        await first[1].wait_closed()
        assert "result" in await _status(await asyncio.open_unix_connection(path))

    run(ServerSettings(max_clients=1), folder, do)


def test_who_has_left_takes_no_place_even_before_that_is_read(folder: Path) -> None:
    async def do(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
            first.connect(str(path))
            await _status(await asyncio.open_unix_connection(sock=first.dup()))
            # The server finds both at once, and who comes first.
            second.connect(str(path))
            first.shutdown(socket.SHUT_RDWR)
            answer = await _status(await asyncio.open_unix_connection(sock=second.dup()))
            assert "result" in answer

    run(ServerSettings(max_clients=1), folder, do)


async def _status(connection: Connection) -> dict[str, object]:
    reader, writer = connection
    writer.write(STATUS)
    answer: dict[str, object] = json.loads(await reader.readline())
    return answer


def test_closing_parts_with_everybody_and_removes_the_socket(folder: Path) -> None:
    async def body() -> None:
        async with serving(folder, ServerSettings()) as path:
            connection = await asyncio.open_unix_connection(path)
            await _status(connection)
        assert await connection[0].read() == b""
        assert not path.exists()
        connection[1].close()

    asyncio.run(body())
