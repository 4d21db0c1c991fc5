"""The trace: every command and event, as bytes; decoding is the client's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vmedia_bench.control.operation import Nothing, Operation


class RecordKind(StrEnum):
    """What a trace record is of."""

    COMMAND = "command"
    EVENT = "event"
    FAULT = "fault"
    """A fault rule fired; `note` says which and what it did."""
    NOTE = "note"
    """Life of the transport: connected, started, reset, a refused chain ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRecord:
    """One record. Bytes are base64 in JSON."""

    seq: Annotated[int, "Counts from 1"]
    kind: RecordKind
    start_ns: Annotated[int, "CLOCK_MONOTONIC when the chain was popped"]
    end_ns: Annotated[int, "CLOCK_MONOTONIC when it was given back"]
    ring: Annotated[int, "0 commandq, 1 eventq, -1 neither"]
    head: Annotated[int, "Head descriptor"]
    readable: Annotated[tuple[int, ...], "Lengths of the readable descriptors"]
    writable: Annotated[tuple[int, ...], "Lengths of the writable descriptors"]
    used: Annotated[int, "Used length given back"]
    request: Annotated[bytes, "All readable bytes"]
    response: Annotated[bytes, "What was written"]
    note: str = ""
    session: Annotated[int, "Of a fault; commands and events say theirs in their bytes"] = 0
    rule: Annotated[int, "The fault rule that fired, 0 for none"] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceReadParams:
    """Which records."""

    after: Annotated[int, "Records with a higher seq; negative: the newest that many"] = 0
    limit: Annotated[int, "At most so many, 10,000 at most"] = 1000
    kinds: Annotated[tuple[RecordKind, ...], "Only these; none: all"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRead:
    """Records, oldest first."""

    records: tuple[TraceRecord, ...]
    first: Annotated[int, "Seq of the oldest record that is kept, 0 for none"]
    last: Annotated[int, "Seq of the newest, 0 for none"]
    lost: Annotated[int, "Asked for, but fallen out of the ring"]
    more: Annotated[bool, "It would be too long: the rest comes after its last record"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStatus:
    """The recorder."""

    enabled: bool
    first: int
    last: int
    kept_bytes: int
    max_records: int
    max_bytes: int
    recording: Annotated[str, "File that is being written; empty for none"]
    recorded: Annotated[int, "Records in it so far"]
    recorded_bytes: int
    record_error: Annotated[str, "Why the last recording ended early; empty when it did not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRecordParams:
    """Where to record to."""

    path: Annotated[str, "An absolute path, as the bench sees it"]
    kept: Annotated[bool, "Begin with what is kept in memory"] = False
    overwrite: bool = False


OPERATIONS = (
    Operation("trace.status", "Show the recorder.", Nothing, TraceStatus, "trace status"),
    Operation("trace.read", "Read trace records.", TraceReadParams, TraceRead, "commands"),
    Operation(
        "trace.record",
        "Record to a file until told to stop.",
        TraceRecordParams,
        TraceStatus,
        "trace record {path}",
    ),
    Operation("trace.stop", "End the recording.", Nothing, TraceStatus, "trace stop"),
    Operation("trace.clear", "Forget what is kept in memory.", Nothing, TraceStatus, "trace clear"),
)
