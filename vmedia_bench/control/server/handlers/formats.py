"""formats.*"""

from collections.abc import AsyncIterator

from vmedia_bench.control.operations.buffers import BufferParams
from vmedia_bench.control.operations.formats import FormatList, FormatRow
from vmedia_bench.control.server.enquiry import Ask, asking, enumerate_with
from vmedia_bench.control.server.handlers.sessions import open_session
from vmedia_bench.control.server.spelling import flag_names, name_of
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.v4l2.formats import pack_format
from vmedia_bench.v4l2.snapshot import QueueSnapshot
from vmedia_bench.wire import ioctls, structs
from vmedia_bench.wire.v4l2 import (
    BufType,
    FmtFlag,
    FrmIvalType,
    FrmSizeType,
    fourcc_name,
    is_multiplanar,
)

_PLANE_COUNT = structs.FORMAT_UNION_OFFSET + 180
"""Where v4l2_pix_format_mplane has num_planes, in a v4l2_format."""
_Size = tuple[int, int]


async def _list(bench: Workbench, params: BufferParams) -> FormatList:
    session = params.session
    if session is not None:
        open_session(bench, session)
    node = bench.device.node
    async with asking(node, session) as ask:
        queues = node.queues(session)
        if session is None and not queues:
            # A codec has queues for each session only, the operator's among them.
            queues = node.queues(ask.session)
        rows = [row for queue in _by_type(queues) async for row in _rows(ask, queue)]
    return FormatList(formats=tuple(rows))


def _by_type(queues: tuple[QueueSnapshot, ...]) -> list[QueueSnapshot]:
    return list({queue.type: queue for queue in queues}.values())


async def _rows(ask: Ask, queue: QueueSnapshot) -> AsyncIterator[FormatRow]:
    def request(index: int) -> bytes:
        return structs.FMTDESC.pack(index, queue.type, 0, b"", 0, 0)

    found = enumerate_with(ask, ioctls.VIDIOC_ENUM_FMT, structs.FMTDESC, request)
    async for _index, _type, flags, description, pixelformat, _code in found:
        first, sizes = await _sizes(ask, pixelformat)
        yield FormatRow(
            queue=name_of(BufType, queue.type),
            fourcc=fourcc_name(pixelformat),
            description=description.rstrip(b"\0").decode(errors="replace"),
            flags=flag_names(FmtFlag, flags),
            sizes=sizes,
            fps=tuple([rate async for rate in _rates(ask, pixelformat, first)]) if first else (),
            planes=await _planes(ask, queue, pixelformat),
            current=pixelformat == queue.format.pixelformat,
        )


async def _sizes(ask: Ask, pixelformat: int) -> tuple[_Size | None, tuple[str, ...]]:
    """Give the first size, and all of them as text."""

    def request(index: int) -> bytes:
        return structs.FRMSIZEENUM.pack(index, pixelformat, 0, b"")

    found = enumerate_with(ask, ioctls.VIDIOC_ENUM_FRAMESIZES, structs.FRMSIZEENUM, request)
    sizes = []
    first = None
    async for _index, _pixelformat, kind, union in found:
        if kind == FrmSizeType.DISCRETE:
            width, height = structs.FRMSIZE_DISCRETE.unpack_from(union)
            first = first or (width, height)
            sizes.append(f"{width}x{height}")
            continue
        low_w, high_w, step_w, low_h, high_h, step_h = structs.FRMSIZE_STEPWISE.unpack_from(union)
        return (low_w, low_h), (f"{low_w}x{low_h}-{high_w}x{high_h}/{step_w}x{step_h}",)
    return first, tuple(sizes)


async def _rates(ask: Ask, pixelformat: int, size: _Size) -> AsyncIterator[float]:
    """Give frames a second; of a range, its slowest and its fastest."""

    def request(index: int) -> bytes:
        return structs.FRMIVALENUM.pack(index, pixelformat, *size, 0, b"")

    found = enumerate_with(ask, ioctls.VIDIOC_ENUM_FRAMEINTERVALS, structs.FRMIVALENUM, request)
    async for *_asked, kind, union in found:
        if kind == FrmIvalType.DISCRETE:
            yield _rate(*structs.FRACT.unpack_from(union))
            continue
        shortest, longest = union[0:8], union[8:16]
        yield _rate(*structs.FRACT.unpack(longest))
        yield _rate(*structs.FRACT.unpack(shortest))
        return


def _rate(numerator: int, denominator: int) -> float:
    return round(denominator / numerator, 3) if numerator else 0.0


async def _planes(ask: Ask, queue: QueueSnapshot, pixelformat: int) -> int:
    """Give how many memory planes a format has on a queue."""
    if not is_multiplanar(queue.type):
        return 1
    wanted = bytearray(pack_format(queue.format))
    wanted[_PIXELFORMAT] = pixelformat.to_bytes(4, "little")
    return (await ask(ioctls.VIDIOC_TRY_FMT, bytes(wanted)))[_PLANE_COUNT]


_PIXELFORMAT = slice(structs.FORMAT_UNION_OFFSET + 8, structs.FORMAT_UNION_OFFSET + 12)
"""Where v4l2_pix_format_mplane has pixelformat, in a v4l2_format."""

HANDLERS: Handlers = {"formats.list": _list}
