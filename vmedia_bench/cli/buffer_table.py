"""A stream's buffers as a table."""

from vmedia_bench.cli.table import table
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire.v4l2 import BufFlag, Memory, is_multiplanar

_STATES = {
    int(BufFlag.QUEUED): "queued",
    int(BufFlag.DONE): "done",
    int(BufFlag.PREPARED): "prepared",
}


def buffer_table(session: Session, stream: Stream) -> str:
    """What QUERYBUF says of each buffer: state, place, length, frame, flags."""
    rows = []
    planes = len(session.get_format(stream.type).planes) if is_multiplanar(stream.type) else 0
    for index in range(stream.count):
        buffer = session.query_buffer(index, stream.type, stream.memory, planes)
        state = next((name for bit, name in _STATES.items() if buffer.flags & bit), "dequeued")
        for number, plane in enumerate(buffer.memory_planes()):
            rows.append(
                (
                    str(index) if number == 0 else "",
                    state if number == 0 else f"plane {number}",
                    Memory(stream.memory).name,
                    f"{plane.m & 0xFFFF_FFFF:#010x}",
                    str(plane.length),
                    "MAPPED" if buffer.flags & BufFlag.MAPPED else "-",
                )
            )
    return table(("buffer", "state", "memory", "offset", "length", "flags"), rows)
