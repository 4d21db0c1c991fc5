"""trace.*"""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.trace import (
    TraceReadParams,
    TraceRecordParams,
    TraceStatus,
)
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.describe import trace_record
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.trace.record import Record
from vmedia_bench.trace.recording import Recording
from vmedia_bench.trace.ring import TraceRing

SLICE = 128
"""Records that are read before the loop looks after others: about half a millisecond."""
MOST_RECORDS = 10_000
MOST_BYTES = 16 << 20
"""Bytes of JSON that one answer has about at most; the rest is for the next call."""

_encode = msgspec.json.Encoder().encode


def trace_status(bench: Workbench) -> TraceStatus:
    """The recorder as it stands."""
    ring, recording = bench.trace, bench.recording
    active = recording is not None and recording.active
    return TraceStatus(
        enabled=ring.enabled,
        first=ring.first,
        last=ring.last,
        kept_bytes=ring.kept_bytes,
        max_records=ring.max_records,
        max_bytes=ring.max_bytes,
        recording=str(recording.path) if recording is not None and active else "",
        recorded=recording.records if recording is not None else 0,
        recorded_bytes=recording.bytes if recording is not None else 0,
        record_error=recording.error if recording is not None else "",
    )


def _status(bench: Workbench, _params: Nothing) -> TraceStatus:
    return trace_status(bench)


def _read(bench: Workbench, params: TraceReadParams) -> dict[str, Any] | Awaitable[dict[str, Any]]:
    """A TraceRead, its records already as JSON: a few are there at once, many come by slices."""
    if not 0 < params.limit <= MOST_RECORDS:
        raise _wrong("limit", f"1 to {MOST_RECORDS}")
    reading = _Reading(bench.trace, params)
    return reading.answer() if reading.take_slice() else _read_on(reading)


async def _read_on(reading: "_Reading") -> dict[str, Any]:
    while True:
        await asyncio.sleep(0)
        if reading.take_slice():
            return reading.answer()


class _Reading:
    """Records on their way out of the ring: those that were there when it was asked."""

    def __init__(self, ring: TraceRing, params: TraceReadParams) -> None:
        self._ring = ring
        self._kinds = [kind.value for kind in params.kinds]
        self._after, self._limit = params.after, params.limit
        if self._after < 0:
            self._limit = min(self._limit, -self._after)
            self._after = ring.start_of_newest(self._limit, self._kinds)
        self._last = ring.last
        self._lost = self._size = 0
        self._pieces: list[bytes] = []

    def take_slice(self) -> bool:
        """Read another slice, where there is one; whether all is read then."""
        if self._wants_more:
            self._read_slice()
        return not self._wants_more

    @property
    def _wants_more(self) -> bool:
        return self._limit > 0 and self._after < self._last and self._size < MOST_BYTES

    def _read_slice(self) -> None:
        kept = self._ring.read(self._after, min(self._limit, SLICE), self._kinds)
        self._lost += kept.lost
        fresh = [record for record in kept.records if record.seq <= self._last]
        self._pieces.extend(_as_json(fresh))
        raw = sum(len(record.request) + len(record.response) + 200 for record in fresh)
        self._size += raw * 4 // 3
        self._limit -= len(fresh)
        # A slice that is not full was the last one.
        self._after = fresh[-1].seq if len(fresh) == SLICE else self._last

    def answer(self) -> dict[str, Any]:
        """What was read, as a TraceRead."""
        return {
            "records": msgspec.Raw(b"[" + b",".join(self._pieces) + b"]"),
            "first": self._ring.first,
            "last": self._last,
            "lost": self._lost,
            "more": self._size >= MOST_BYTES and self._limit > 0,
        }


def _as_json(records: Sequence[Record]) -> list[bytes]:
    """The records as one piece of a JSON array, or none."""
    if not records:
        return []
    return [_encode([trace_record(record) for record in records])[1:-1]]


async def _record(bench: Workbench, params: TraceRecordParams) -> TraceStatus:
    path = Path(params.path)
    if not path.is_absolute():
        raise _wrong("path", "an absolute path: the bench has a working folder of its own")
    if bench.recording is not None and bench.recording.active:
        raise RpcError(
            ErrorCode.REFUSED, f"{bench.recording.path} is being recorded: trace stop ends it"
        )
    about = {"bench": bench.name, "config": bench.device.config_space().hex()}
    recording = Recording(bench.trace, path, metadata=about)
    try:
        recording.start(kept=params.kept, overwrite=params.overwrite)
    except FileExistsError:
        raise RpcError(
            ErrorCode.REFUSED, f"{path} is there already: another path, or --overwrite"
        ) from None
    except OSError as problem:
        raise RpcError(ErrorCode.UNUSABLE, f"cannot write {path}: {problem.strerror}") from None
    except ValueError as problem:
        raise _wrong("path", str(problem)) from None
    bench.recording = recording
    return trace_status(bench)


async def _stop(bench: Workbench, _params: Nothing) -> TraceStatus:
    if bench.recording is None:
        raise RpcError(ErrorCode.NOT_FOUND, "nothing is being recorded")
    # A client that leaves meanwhile must not leave half a file.
    await asyncio.shield(bench.recording.stop())
    return trace_status(bench)


def _clear(bench: Workbench, _params: Nothing) -> TraceStatus:
    bench.trace.clear()
    return trace_status(bench)


def _wrong(field: str, what: str) -> RpcError:
    return RpcError(ErrorCode.INVALID_PARAMS, f"{field}: {what}", {"field": field})


HANDLERS: Handlers = {
    "trace.status": _status,
    "trace.read": _read,
    "trace.record": _record,
    "trace.stop": _stop,
    "trace.clear": _clear,
}
