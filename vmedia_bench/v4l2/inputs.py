"""
Inputs and outputs: ENUM, G and S of both.

Source: the V4L2 UAPI documentation, "VIDIOC_ENUMINPUT", "VIDIOC_G_INPUT, VIDIOC_S_INPUT" and
their OUTPUT twins.
"""

from errno import EINVAL, ENOTTY

from vmedia_bench.v4l2.context import Context
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import INPUT, OUTPUT, U32

_NAME_BYTES = 31


def enuminput(context: Context, arg: bytearray) -> None:
    """VIDIOC_ENUMINPUT."""
    index = INPUT.unpack_from(arg)[0]
    _check(index, len(context.inputs), "inputs")
    entry = context.inputs[index]
    name = entry.name.encode()[:_NAME_BYTES]
    INPUT.pack_into(arg, 0, index, name, entry.type, 0, 0, 0, entry.status, 0)


def g_input(context: Context, arg: bytearray) -> None:
    """VIDIOC_G_INPUT."""
    _check(0, len(context.inputs), "inputs")
    U32.pack_into(arg, 0, context.input)


def s_input(context: Context, arg: bytearray) -> None:
    """VIDIOC_S_INPUT; another input than the current one is EBUSY while buffers exist."""
    (index,) = U32.unpack_from(arg)
    _check(index, len(context.inputs), "inputs")
    if index != context.input:
        context.check_idle()
        context.source.set_input(index)
        context.input = index


def enumoutput(context: Context, arg: bytearray) -> None:
    """VIDIOC_ENUMOUTPUT."""
    index = OUTPUT.unpack_from(arg)[0]
    _check(index, len(context.outputs), "outputs")
    entry = context.outputs[index]
    OUTPUT.pack_into(arg, 0, index, entry.name.encode()[:_NAME_BYTES], entry.type, 0, 0, 0, 0)


def g_output(context: Context, arg: bytearray) -> None:
    """VIDIOC_G_OUTPUT."""
    _check(0, len(context.outputs), "outputs")
    U32.pack_into(arg, 0, context.output)


def s_output(context: Context, arg: bytearray) -> None:
    """VIDIOC_S_OUTPUT; another output than the current one is EBUSY while buffers exist."""
    (index,) = U32.unpack_from(arg)
    _check(index, len(context.outputs), "outputs")
    if index != context.output:
        context.check_idle()
        context.source.set_output(index)
        context.output = index


def _check(index: int, count: int, what: str) -> None:
    """ENOTTY for a device without inputs (outputs) at all, EINVAL for one past the end."""
    if not count:
        raise V4l2Error(ENOTTY, f"this device has no {what}")
    if index >= count:
        raise V4l2Error(EINVAL, f"{index} of {count} {what}")
