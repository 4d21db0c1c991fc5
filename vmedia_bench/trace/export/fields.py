"""JSON lines with every field by name, enums and flags spelled: to read, to grep, to feed to jq."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from vmedia_bench.trace.decoded import tree
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.record import Record


def line(record: Record) -> dict[str, Any]:
    """A record's summary, and its fields under `request` and `response`, or `event`."""
    entry = summarize(record)
    return {
        "seq": record.seq,
        "kind": str(record.kind),
        "start_ns": record.start_ns,
        "latency_ns": entry.latency_ns,
        "session": entry.session,
        "verb": entry.verb,
        "name": entry.name,
        "status": entry.status_name,
        "used": record.used,
        "note": record.note,
    } | tree(record)


def write(records: Iterable[Record], file: BinaryIO, metadata: Mapping[str, Any]) -> int:
    """Write a line for each record; how many."""
    count = 0
    if metadata:
        file.write(json.dumps({"metadata": dict(metadata)}).encode() + b"\n")
    for record in records:
        file.write(json.dumps(line(record), ensure_ascii=False).encode() + b"\n")
        count += 1
    return count
