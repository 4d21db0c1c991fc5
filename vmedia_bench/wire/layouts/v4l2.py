"""
All V4L2 layouts by the name of their C structure, and bytes to plain data with them.

The names are those of :data:`vmedia_bench.wire.structs.CODECS`, which has the same structures as
fast codecs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import construct

from vmedia_bench.wire import ioctls
from vmedia_bench.wire.layouts import v4l2_control, v4l2_stream, v4l2_tv
from vmedia_bench.wire.layouts.fields import Con, s32, struct
from vmedia_bench.wire.layouts.v4l2_stream import BUF_TYPE

_MODULES = (v4l2_stream, v4l2_control, v4l2_tv)

LAYOUTS: Final[Mapping[str, Con]] = MappingProxyType(
    {
        con.c_type: con
        for module in _MODULES
        for name, con in vars(module).items()
        if isinstance(con, construct.Struct) and not name.startswith("_")
    }
)
"""Every V4L2 structure by name; the two members of v4l2_decoder_cmd that C leaves nameless too."""

_SCALARS: Final = {
    "int": struct("int", "value" / s32),
    "__u32": struct("__u32", "value" / v4l2_tv.PRIORITY),
    "v4l2_std_id": struct("v4l2_std_id", "value" / v4l2_tv.STD),
}
_BUF_TYPE_PAYLOAD: Final = struct("int", "type" / BUF_TYPE)
_TAKE_BUF_TYPE: Final = frozenset((ioctls.VIDIOC_STREAMON, ioctls.VIDIOC_STREAMOFF))


def payload_layout(ioctl: ioctls.Ioctl) -> Con:
    """Return the layout of an ioctl's payload; a scalar one has a single field."""
    if ioctl.number in _TAKE_BUF_TYPE:
        return _BUF_TYPE_PAYLOAD
    return LAYOUTS.get(ioctl.payload) or _SCALARS[ioctl.payload]
