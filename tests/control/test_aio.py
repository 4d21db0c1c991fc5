"""The asynchronous client: typed calls that overlap, notifications, and the end of a bench."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.aio import AsyncClient
from vmedia_bench.control.client import BenchLostError, BenchNotFoundError, OperationFailedError
from vmedia_bench.control.operations.bench import (
    BenchStatus,
    Condition,
    Snapshot,
    SnapshotParams,
    VmState,
    WaitParams,
    WaitResult,
)
from vmedia_bench.control.operations.controls import ControlSetParams
from vmedia_bench.control.operations.frames import Frame, FrameParams
from vmedia_bench.control.operations.live import Live, Topic
from vmedia_bench.control.operations.sessions import SessionParams
from vmedia_bench.control.operations.trace import TraceRead, TraceReadParams, TraceRecord

LIMIT_S = 20


def run(bench: Bench, do: Callable[[AsyncClient], Awaitable[None]]) -> None:
    """Do something with a client of a bench."""

    async def body() -> None:
        client = await AsyncClient.connect(str(bench.control))
        try:
            async with asyncio.timeout(LIMIT_S):
                await do(client)
        finally:
            client.close()

    asyncio.run(body())


def test_results_are_the_declared_dataclasses(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        status = await client.call("bench.status")
        assert isinstance(status, BenchStatus)
        assert isinstance(status.vm, VmState)
        picture = await client.call("bench.snapshot", SnapshotParams(controls=True))
        assert isinstance(picture, Snapshot)
        assert picture.controls
        read = await client.call("trace.read", TraceReadParams(after=-5))
        assert isinstance(read, TraceRead)
        assert all(isinstance(record, TraceRecord) for record in read.records)

    run(bench, do)


def test_calls_overlap(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        wait = WaitParams(condition=Condition.PAUSED, timeout_s=0.2)
        waiting = asyncio.ensure_future(client.call("bench.wait", wait))
        statuses = await asyncio.gather(*(client.call("bench.status") for _ in range(50)))
        assert len(statuses) == 50
        assert not waiting.done()
        with pytest.raises(OperationFailedError, match="paused"):
            await waiting

    run(bench, do)


def test_errors_have_code_and_data(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        with pytest.raises(OperationFailedError) as caught:
            await client.call("sessions.show", SessionParams(session=77))
        assert (caught.value.code, caught.value.data) == (1, {"open": []})
        with pytest.raises(KeyError):
            await client.call("no.such")

    run(bench, do)


def test_notifications_are_typed(bench: Bench) -> None:
    batches: list[Live] = []

    async def do(client: AsyncClient) -> None:
        client.on_live = batches.append
        await client.subscribe((Topic.VM, Topic.COMMAND), interval_ms=10)
        await asyncio.to_thread(_visit, bench)
        while {batch.topic for batch in batches} != {Topic.VM, Topic.COMMAND}:
            await client.call("bench.status")

    run(bench, do)
    commands = [item for batch in batches if batch.topic is Topic.COMMAND for item in batch.items]
    assert all(isinstance(item, TraceRecord) for item in commands)
    states = [item for batch in batches if batch.topic is Topic.VM for item in batch.items]
    assert states[0] == {"state": "connected", "reason": ""}


def _visit(bench: Bench) -> None:
    with session_of(bench):
        pass


def test_frames_bring_their_files_in_order(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        asked = [FrameParams(row_step=step) for step in (1, 2, 3, 4, 5, 6)] * 3
        asked.append(FrameParams(newer_than=1 << 40))
        answers = await asyncio.gather(
            *(client.call_with_fd("frames.get", params) for params in asked)
        )
        for params, (frame, fd) in zip(asked, answers, strict=True):
            assert isinstance(frame, Frame)
            assert fd is not None
            size = sum(plane.length for plane in frame.planes)
            assert os.fstat(fd).st_size == size
            assert frame.row_step == (1 if params.newer_than else params.row_step)
            os.close(fd)

    with streaming_guest(bench):
        run(bench, do)


def test_a_call_that_is_given_up_leaves_no_file_open(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        await client.call("bench.status")
        before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
        call = asyncio.ensure_future(client.call_with_fd("frames.get"))
        await asyncio.sleep(0)
        call.cancel()
        await client.call("bench.status")
        with pytest.raises(asyncio.CancelledError):
            await call
        assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    with streaming_guest(bench):
        run(bench, do)


def test_changes_go_through(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        done = await client.call("controls.set", ControlSetParams(control="hue", value=-7))
        assert done.value == -7

    run(bench, do)


def test_the_end_of_a_bench_is_told_once_and_ends_what_waits(tmp_path: Path) -> None:
    async def body(bench: Bench) -> None:
        client = await AsyncClient.connect(str(bench.control))
        told: list[BenchLostError] = []
        client.on_lost = told.append
        params = WaitParams(condition=Condition.READY, timeout_s=1000)
        waiting = asyncio.ensure_future(client.call("bench.wait", params))
        await client.call("bench.shutdown")
        with pytest.raises(BenchLostError, match="cam0 has ended"):
            await waiting
        assert len(told) == 1
        assert client.closed
        with pytest.raises(BenchLostError):
            await client.call("bench.status")
        with pytest.raises(BenchNotFoundError):
            await AsyncClient.connect(str(client.path))

    with Bench(tmp_path / "vm.sock") as bench:
        asyncio.run(body(bench))


def test_who_rests_hears_nothing_before_the_end_of_the_rest_or_a_call(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        clock = asyncio.get_running_loop().time
        other = await AsyncClient.connect(str(bench.control))
        for each in (client, other):
            await each.subscribe((Topic.SNAPSHOT,), interval_ms=10)
            await _next_live(each)
        heard: list[Live] = []
        client.on_live = heard.append
        client.rest_until(clock() + 1000)
        for _ in range(5):
            await _next_live(other)
        assert heard == []
        await client.call("bench.status")
        assert len(heard) > 1
        client.rest_until(clock() + 0.05)
        await _next_live(client)
        client.rest_until(clock() + 1000)
        other.close()

    run(bench, do)


async def _next_live(client: AsyncClient) -> Live:
    """What it is told next."""
    told: asyncio.Future[Live] = asyncio.get_running_loop().create_future()

    def take(live: Live) -> None:
        if not told.done():
            told.set_result(live)

    client.on_live = take
    return await told


def test_closing_ends_what_waits_and_is_no_loss(bench: Bench) -> None:
    async def do(client: AsyncClient) -> None:
        client.on_lost = lambda error: pytest.fail(f"lost: {error}")
        wait = WaitParams(condition=Condition.PAUSED, timeout_s=1000)
        waiting: asyncio.Future[WaitResult] = asyncio.ensure_future(client.call("bench.wait", wait))
        await client.call("bench.status")
        client.close()
        with pytest.raises(BenchLostError, match="closed"):
            await waiting

    run(bench, do)
