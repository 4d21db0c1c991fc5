"""A bench made of values, at a moment that never moves: for pictures of screens in tests."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from vmedia_bench.control.operations.backends import BackendList, BackendRow, OptionRow
from vmedia_bench.control.operations.bench import (
    BenchStatus,
    Counters,
    Mapping,
    RegionState,
    RingState,
    Snapshot,
    VmState,
)
from vmedia_bench.control.operations.buffers import BufferState, PlaneState, QueueState
from vmedia_bench.control.operations.controls import ControlList
from vmedia_bench.control.operations.frames import Frame, FrameParams, FramePlane
from vmedia_bench.control.operations.live import Live, SubscribeParams, Topic
from vmedia_bench.control.operations.sessions import SessionPhase, SessionRow
from vmedia_bench.control.operations.trace import RecordKind, TraceRecord
from vmedia_bench.tui.link import BenchLostError

NS = 1_000_000_000
NOW = 5_000 * NS


def session(id_: int, phase: SessionPhase = SessionPhase.STREAMING, **changes: Any) -> SessionRow:
    """A session as a camera's user has it."""
    owns = phase in {SessionPhase.STREAMING, SessionPhase.BUFFERS}
    values: dict[str, Any] = {
        "id": id_,
        "phase": phase,
        "age_s": 22.0 + id_,
        "queue": "VIDEO_CAPTURE" if owns else "",
        "format": "NV12",
        "width": 1920,
        "height": 1080,
        "fps": 60.0 if phase is SessionPhase.STREAMING else 0.0,
        "buffers": 4 if owns else 0,
        "queued": 3 if owns else 0,
        "done": 1 if owns else 0,
        "frames": 1841,
        "dropped": 0,
        "commands": 4123,
        "last_errno": "",
        "failed_with": "",
        "preview": owns,
    }
    return SessionRow(**(values | changes))


def buffer(index: int, state: str) -> BufferState:
    """One buffer of 1920x1080 NV12."""
    filled = state in {"done", "dequeued"}
    return BufferState(
        index=index,
        state=state,
        flags=("MAPPED", "TIMESTAMP_MONOTONIC", *(("QUEUED",) if state == "queued" else ())),
        field="NONE",
        sequence=1840 + index if filled else 0,
        timestamp_ns=NOW - 12_000_000 * (index + 1) if filled else 0,
        mapped=True,
        planes=(
            PlaneState(
                offset=index * 0x2F8000,
                length=3_110_400,
                bytesused=3_110_400 if filled else 0,
                data_offset=0,
            ),
        ),
    )


def queue() -> QueueState:
    """A capture queue that streams."""
    states = ("queued", "filling", "queued", "done")
    return QueueState(
        session=3,
        type="VIDEO_CAPTURE",
        memory="MMAP",
        streaming=True,
        format="NV12",
        width=1920,
        height=1080,
        fps=60.0,
        frames=1841,
        dropped=2,
        sequence=1843,
        buffers=tuple(buffer(index, state) for index, state in enumerate(states)),
    )


def status(vm: VmState = VmState.READY, **changes: Any) -> BenchStatus:
    """A bench with a VM on it."""
    values: dict[str, Any] = {
        "name": "cam0",
        "version": "0.1.0",
        "pid": 4711,
        "uptime_s": 83.0,
        "socket": "/run/user/1000/vmedia-bench/cam0.vm.sock",
        "vm": vm,
        "peer": "qemu-system-x86 (4699)" if vm is VmState.READY else "",
        "features": ("VIRTIO_F_VERSION_1", "VIRTIO_RING_F_EVENT_IDX"),
        "protocol_features": ("MQ", "REPLY_ACK", "BACKEND_REQ", "CONFIG", "SHMEM"),
        "backend": "pattern",
        "card": "vmedia-bench pattern",
        "rings": (
            RingState(
                index=0, name="commandq", size=256, running=True, avail_index=4123, used_index=4123
            ),
            RingState(
                index=1,
                name="eventq",
                size=256,
                running=True,
                avail_index=1857,
                used_index=1841,
                offered=16,
            ),
        ),
        "regions": (
            RegionState(guest_address=0, size=3 << 30, mapped=True),
            RegionState(guest_address=4 << 30, size=1 << 30, mapped=False),
        ),
        "arena_size": 1 << 30,
        "arena_used": 4 * 3_112_960,
        "mappings": tuple(
            Mapping(offset=i * 0x2F8000, length=3_110_400, mapped=1, in_use=True) for i in range(4)
        ),
        "sessions": 3,
        "events_waiting": 0,
        "faults_armed": 0,
        "counters": Counters(commands=4123, frames=1841, frame_bytes=1841 * 3_110_400, events=1843),
    }
    return BenchStatus(**(values | changes))


def note(seq: int) -> TraceRecord:
    """A record without bytes."""
    return TraceRecord(
        seq=seq,
        kind=RecordKind.NOTE,
        start_ns=seq,
        end_ns=seq,
        ring=-1,
        head=0,
        readable=(),
        writable=(),
        used=0,
        request=b"",
        response=b"",
        note=f"note {seq}",
        session=0,
        rule=0,
    )


def snapshot(**changes: Any) -> Snapshot:
    """Three sessions: one streams, one is open, one has failed."""
    values: dict[str, Any] = {
        "at_ns": NOW,
        "status": status(),
        "sessions": (
            session(3),
            session(5, SessionPhase.OPEN, format="YUYV", width=640, height=480, last_errno="EBUSY"),
            session(7, SessionPhase.FAILED, format="", failed_with="EIO"),
        ),
        "queues": (queue(),),
        "faults": (),
        "controls": (),
        "trace_last": 0,
        "log_last": 0,
    }
    return Snapshot(**(values | changes))


def after_commands(before: Snapshot, count: int) -> Snapshot:
    """The same a tenth of a second later: so many commands have come, and nothing else happened."""
    status = before.status
    counters = replace(status.counters, commands=status.counters.commands + count)
    rings = tuple(replace(ring, avail_index=ring.avail_index + count) for ring in status.rings)
    return replace(
        before,
        at_ns=before.at_ns + NS // 10,
        status=replace(status, uptime_s=status.uptime_s + 0.1, counters=counters, rings=rings),
        sessions=tuple(replace(s, age_s=s.age_s + 0.1, commands=count) for s in before.sessions),
        trace_last=before.trace_last + count,
    )


SERIAL = 1841
BARS = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
    (16, 16, 16),
)


def frame(row_step: int, serial: int = SERIAL) -> Frame:
    """1920x1080 in RGB3, each so many rows of it."""
    rows = -(-1080 // row_step)
    return Frame(
        serial=serial,
        session=3,
        buffer=3,
        sequence=1841,
        timestamp_ns=NOW - NS // 60,
        flags=("MAPPED", "DONE"),
        fourcc="RGB3",
        width=1920,
        height=1080,
        row_step=row_step,
        colorspace="SRGB",
        ycbcr_enc="DEFAULT",
        quantization="DEFAULT",
        planes=(FramePlane(offset=0, length=rows * 5760, bytesperline=5760, rows=rows),),
    )


class ConstructedBench:
    """Answers the operations that screens read with; nothing in it moves."""

    def __init__(self, shown: Snapshot | None = None) -> None:
        self.snapshot = shown or snapshot()
        self.calls: list[tuple[str, object]] = []
        self.rests: list[float] = []
        self.on_live: Callable[[Live], None] = lambda _live: None
        self.on_lost: Callable[[BenchLostError], None] = lambda _error: None
        self._ticking: asyncio.Task[None] | None = None

    async def call(self, name: str, params: object) -> Any:
        """The answer to an operation."""
        self.calls.append((name, params))
        answers: dict[str, Any] = {
            "live.subscribe": None,
            "controls.list": ControlList(controls=self.snapshot.controls),
            "backends.list": BackendList(backends=BACKENDS),
        }
        return answers[name]

    async def subscribe(
        self, topics: Sequence[Topic], session: int | None = None, interval_ms: int = 50
    ) -> None:
        """Tell the snapshot, from the next turn on."""
        params = SubscribeParams(topics=tuple(topics), session=session, interval_ms=interval_ms)
        await self.call("live.subscribe", params)
        self._ticking = asyncio.create_task(self._tick(interval_ms / 1000))

    async def _tick(self, interval_s: float) -> None:
        while True:
            shown = replace(self.snapshot, controls=())
            self.on_live(Live(topic=Topic.SNAPSHOT, items=(shown,), lost=0))
            await asyncio.sleep(interval_s)

    async def call_with_fd(self, name: str, params: object) -> tuple[Any, int | None]:
        """The newest frame: eight bars."""
        assert name == "frames.get"
        assert isinstance(params, FrameParams)
        if params.newer_than >= SERIAL:
            return frame(params.row_step, serial=0), None
        shown = frame(params.row_step)
        fd = os.memfd_create("frame")
        row = b"".join(bytes(colour) * (shown.width // len(BARS)) for colour in BARS)
        os.write(fd, row * shown.planes[0].rows)
        return shown, fd

    def rest_until(self, when: float) -> None:
        """Remember until when nobody was to be woken."""
        self.rests.append(when)

    def close(self) -> None:
        """Tell nothing any more."""
        if self._ticking is not None:
            self._ticking.cancel()


BACKENDS = (
    BackendRow(
        name="pattern",
        summary="A camera that draws test pictures.",
        kind="capture",
        origin="built in",
        usable=True,
        reason="",
        active=True,
        options=(
            OptionRow(
                name="size", type="size", default="640x480", help="Frame size to start with."
            ),
        ),
    ),
)
