"""
Cropping: G_SELECTION and S_SELECTION; CROPCAP and G/S_CROP are made of them in the guest.

A capture queue crops what it captures, an output queue composes what it shows; the other rectangle
of each is the whole frame, and asking for it is EINVAL. Source: the V4L2 UAPI documentation,
"Cropping, composing and scaling" and "VIDIOC_G_SELECTION, VIDIOC_S_SELECTION".
"""

from errno import EINVAL, ENOTTY, ERANGE

from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.source import Cropping, Rect, Selections
from vmedia_bench.wire.structs import SELECTION
from vmedia_bench.wire.v4l2 import BufType, SelFlag, SelTarget

_GE = int(SelFlag.GE)
_LE = int(SelFlag.LE)
_ACTIVE = {False: int(SelTarget.CROP), True: int(SelTarget.COMPOSE)}
_DEFAULT = {False: int(SelTarget.CROP_DEFAULT), True: int(SelTarget.COMPOSE_DEFAULT)}
_BOUNDS = {False: int(SelTarget.CROP_BOUNDS), True: int(SelTarget.COMPOSE_BOUNDS)}
# The kernel hands a driver the single-planar type also for a multi-planar queue.
_PLANAR_TWIN = {
    int(BufType.VIDEO_CAPTURE): int(BufType.VIDEO_CAPTURE_MPLANE),
    int(BufType.VIDEO_OUTPUT): int(BufType.VIDEO_OUTPUT_MPLANE),
}


def g_selection(context: Context, arg: bytearray) -> None:
    """VIDIOC_G_SELECTION."""
    buf_type, target, _flags, *_ = SELECTION.unpack_from(arg)
    selections = _selections(context, buf_type)
    if selections is not None:
        if target not in selections.rects:
            raise V4l2Error(EINVAL, f"selection target {target:#x} is not supported")
        _pack(arg, buf_type, target, 0, selections.rects[target])
        return
    queue_type, cropping = _cropping(context, buf_type)
    output = context.queue(queue_type).is_output
    rects = {
        _ACTIVE[output]: context.crops.get(queue_type, cropping.default),
        _DEFAULT[output]: cropping.default,
        _BOUNDS[output]: cropping.bounds,
    }
    if target not in rects:
        raise V4l2Error(EINVAL, f"selection target {target:#x} is not supported")
    _pack(arg, buf_type, target, 0, rects[target])


def s_selection(context: Context, arg: bytearray) -> None:
    """VIDIOC_S_SELECTION: ERANGE when the GE and LE flags rule out the nearest crop there is."""
    buf_type, target, flags, left, top, width, height = SELECTION.unpack_from(arg)
    wanted = Rect(left, top, width, height)
    selections = _selections(context, buf_type)
    if selections is not None:
        adjust = selections.adjust.get(target)
        if adjust is None:
            raise V4l2Error(EINVAL, f"selection target {target:#x} cannot be set")
        _pack(arg, buf_type, target, flags, _settled(adjust(wanted), wanted, flags))
        return
    if not any(declared.adjust for declared in _declared(context).values()):
        raise V4l2Error(ENOTTY, "this device cannot change its crop")
    queue_type, cropping = _cropping(context, buf_type)
    if cropping.adjust is None:
        raise V4l2Error(EINVAL, f"the crop of buffer type {buf_type} is fixed")
    if target != _ACTIVE[context.queue(queue_type).is_output]:
        raise V4l2Error(EINVAL, f"selection target {target:#x} cannot be set")
    rect = _settled(cropping.adjust(wanted), wanted, flags)
    if rect != context.crops.get(queue_type, cropping.default):
        context.source.set_crop(queue_type, rect)
        context.crops[queue_type] = rect
    _pack(arg, buf_type, target, flags, rect)


def _settled(rect: Rect, wanted: Rect, flags: int) -> Rect:
    """Give the rectangle back, ERANGE when it is not what the flags allow."""
    if (flags & _GE and not _encloses(rect, wanted)) or (
        flags & _LE and not _encloses(wanted, rect)
    ):
        raise V4l2Error(ERANGE, f"{rect} does not meet the flags {flags:#x}")
    return rect


def _selections(context: Context, buf_type: int) -> Selections | None:
    """Give a codec's rectangles; EINVAL for a queue of it that has none."""
    found = {queue_type: context.source.selections(queue_type) for queue_type in context.queues}
    if not any(found.values()):
        return None
    selections = found.get(buf_type) or found.get(_PLANAR_TWIN.get(buf_type, 0))
    if selections is None:
        raise V4l2Error(EINVAL, f"buffer type {buf_type} selects nothing")
    return selections


def _declared(context: Context) -> dict[int, Cropping]:
    """Give what each queue crops; one that does not is left out."""
    declared = ((buf_type, context.source.cropping(buf_type)) for buf_type in context.queues)
    return {buf_type: cropping for buf_type, cropping in declared if cropping is not None}


def _cropping(context: Context, buf_type: int) -> tuple[int, Cropping]:
    """
    Give the queue's own type and what it can crop.

    ENOTTY when no queue of the device crops, EINVAL for a type that is not a queue of it.
    """
    declared = _declared(context)
    if not declared:
        raise V4l2Error(ENOTTY, "this device does not crop")
    queue_type = buf_type if buf_type in declared else _PLANAR_TWIN.get(buf_type, 0)
    cropping = declared.get(queue_type)
    if cropping is None:
        raise V4l2Error(EINVAL, f"buffer type {buf_type} does not crop")
    return queue_type, cropping


def _encloses(outer: Rect, inner: Rect) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and outer.left + outer.width >= inner.left + inner.width
        and outer.top + outer.height >= inner.top + inner.height
    )


def _pack(arg: bytearray, buf_type: int, target: int, flags: int, rect: Rect) -> None:
    SELECTION.pack_into(
        arg, 0, buf_type, target, flags, rect.left, rect.top, rect.width, rect.height
    )
