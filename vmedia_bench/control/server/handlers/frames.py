"""frames.*"""

from errno import EINVAL

from vmedia_bench.control.operations.frames import Frame, FrameParams, FramePlane
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.dispatcher import WithFd
from vmedia_bench.control.server.frame_file import Part, frame_file
from vmedia_bench.control.server.frame_rows import Rows, sampled_rows
from vmedia_bench.control.server.handlers.sessions import open_session
from vmedia_bench.control.server.spelling import buffer_flag_names, name_of
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.device.frames import FrameMark
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Format, Plane
from vmedia_bench.wire.structs import BUFFER, PLANE
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding, fourcc_name

_NO_FRAME = Frame(
    serial=0,
    session=0,
    buffer=0,
    sequence=0,
    timestamp_ns=0,
    flags=(),
    fourcc="",
    width=0,
    height=0,
    row_step=1,
    colorspace="",
    ycbcr_enc="",
    quantization="",
    planes=(),
)


def _get(bench: Workbench, params: FrameParams) -> WithFd:
    if params.row_step < 1:
        raise _wrong("row_step", "1 or more")
    mark = _mark(bench, params)
    if mark.serial <= params.newer_than:
        return WithFd(_NO_FRAME, frame_file((), ()))
    fmt, contents = _contents(bench, mark)
    used = _used(mark, contents)
    rows = sampled_rows(fmt, params.row_step) if params.row_step > 1 else None
    if rows is not None and any(not _is_there(row, used) for row in rows):
        rows = None
    parts = _whole(used) if rows is None else _sampled(rows)
    fd = frame_file(contents, parts)
    return WithFd(_describe(mark, fmt, parts, rows, params.row_step), fd)


def _mark(bench: Workbench, params: FrameParams) -> FrameMark:
    """Find the frame that is meant; NOT_FOUND when there is none."""
    if params.session is not None:
        open_session(bench, params.session)
    mark = bench.device.newest_frame(params.session)
    if mark is not None and params.buffer is None:
        mark = _viewable(bench, mark.session)
    elif mark is not None and params.buffer is not None:
        mark = bench.device.frames.of_buffer(mark.session, params.buffer)
    if mark is None:
        whose = "" if params.session is None else f" of session {params.session}"
        which = "" if params.buffer is None else f" in buffer {params.buffer}"
        raise RpcError(ErrorCode.NOT_FOUND, f"there is no frame{whose}{which} yet")
    return mark


def _viewable(bench: Workbench, session_id: int) -> FrameMark | None:
    """Find the newest frame of a session: of a codec's two queues, the one that has pictures."""
    marks = bench.device.frames.newest_of_queues(session_id)
    raw = {
        queue.type
        for queue in bench.device.node.queues(session_id)
        if any(plane.bytesperline for plane in queue.format.planes)
    }
    return max((mark for mark in marks if mark.type in raw), default=max(marks, default=None))


def _contents(bench: Workbench, mark: FrameMark) -> tuple[Format, list[Plane]]:
    node = bench.device.node
    try:
        contents = list(node.contents(mark.session, mark.type, mark.buffer))
    except V4l2Error as error:
        if error.errno != EINVAL:
            raise
        contents = []
    fmt = next((q.format for q in node.queues(mark.session) if q.type == mark.type), None)
    if fmt is None or not contents or len(contents) < len(fmt.planes):
        raise RpcError(ErrorCode.NOT_FOUND, f"buffer {mark.buffer} has no memory any more")
    return fmt, contents[: len(fmt.planes)]


def _used(mark: FrameMark, contents: list[Plane]) -> list[Part]:
    """Give the bytes that count in each memory plane."""
    if mark.planes:
        given = [(plane[0], plane[3]) for plane in PLANE.iter_unpack(mark.planes)]
    else:
        given = [(BUFFER.unpack_from(mark.info)[2], 0)]
    return [
        (number, min(start, plane.length), max(0, min(end, plane.length) - start))
        for number, (plane, (end, start)) in enumerate(zip(contents, given, strict=False))
    ]


def _is_there(rows: Rows, used: list[Part]) -> bool:
    _number, start, length = used[rows.plane]
    last = rows.start + (rows.count - 1) * rows.stride + rows.length
    return start == 0 and last <= length


def _whole(used: list[Part]) -> list[Part]:
    return [part for part in used if part[2]]


def _sampled(rows: tuple[Rows, ...]) -> list[Part]:
    """Plane by plane, each component's rows one after another."""
    in_order = sorted(rows, key=lambda each: each.plane)
    return [(each.plane, offset, length) for each in in_order for offset, length in each]


def _describe(
    mark: FrameMark, fmt: Format, parts: list[Part], rows: tuple[Rows, ...] | None, step: int
) -> Frame:
    info = BUFFER.unpack_from(mark.info)
    return Frame(
        serial=mark.serial,
        session=mark.session,
        buffer=mark.buffer,
        sequence=info[8],
        timestamp_ns=info[5] * 1_000_000_000 + info[6] * 1000,
        flags=buffer_flag_names(info[3]),
        fourcc=fourcc_name(fmt.pixelformat),
        width=fmt.width,
        height=fmt.height,
        row_step=1 if rows is None else step,
        colorspace=name_of(Colorspace, fmt.colorspace),
        ycbcr_enc=name_of(YcbcrEncoding, fmt.ycbcr_enc),
        quantization=name_of(Quantization, fmt.quantization),
        planes=_planes(fmt, parts, rows),
    )


def _planes(
    fmt: Format, parts: list[Part], rows: tuple[Rows, ...] | None
) -> tuple[FramePlane, ...]:
    planes = []
    offset = 0
    first_rows = {row.plane: row.count for row in reversed(rows or sampled_rows(fmt, 1) or ())}
    for number, plane in enumerate(fmt.planes):
        length = sum(part[2] for part in parts if part[0] == number)
        planes.append(
            FramePlane(
                offset=offset,
                length=length,
                bytesperline=plane.bytesperline,
                rows=first_rows.get(number, fmt.height if plane.bytesperline else 0),
            )
        )
        offset += length
    return tuple(planes)


def _wrong(field: str, what: str) -> RpcError:
    return RpcError(ErrorCode.INVALID_PARAMS, f"{field}: {what}", {"field": field})


HANDLERS: Handlers = {"frames.get": _get}
