"""A streaming session and its buffers, for people."""

from vmedia_bench.cli.table import table
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire.v4l2 import BufFlag, Memory, fourcc_name, is_multiplanar

_STATES = {
    int(BufFlag.QUEUED): "queued",
    int(BufFlag.DONE): "done",
    int(BufFlag.PREPARED): "prepared",
}


def session_view(session: Session, stream: Stream, fmt: VideoFormat) -> str:
    """A line for the session: its ID, what it streams, at which rate; then its buffers."""
    interval = session.get_interval(fmt.type)
    rate = f"{float(1 / interval):g} frames/s" if interval else "unpaced"
    shape = f"{fourcc_name(fmt.pixelformat)} {fmt.width}x{fmt.height}"
    head = f"session {session.id}  streaming  {shape}  {rate}"
    return f"{head}\n\n{_buffer_table(session, stream)}"


def _buffer_table(session: Session, stream: Stream) -> str:
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
