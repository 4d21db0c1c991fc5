"""
Everything the author of a plugin needs; what is here stays as it is within one PLUGIN_API.

docs/plugins.md shows how to begin. A plugin is a `Plugin`; its source is a `VideoSource`, which
declares formats and controls and fills frames, or a `PictureCamera`, which only draws pictures.
`open_source` and `InnerSource` are for sources made of others.
"""

from vmedia_bench.backends.picture_camera import PictureCamera
from vmedia_bench.backends.plugin_api import PLUGIN_API, Description, Kind, NoOptions, Plugin
from vmedia_bench.backends.plugin_entries import ENTRY_POINTS
from vmedia_bench.plugin.inner_source import InnerSource, open_source
from vmedia_bench.v4l2.control_spec import ControlSpec, MenuItem, auto_cluster, cluster
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import Node, NodeMaker, NodePorts, Reactor
from vmedia_bench.v4l2.source import (
    ControlValue,
    Cropping,
    Filled,
    Format,
    FormatDesc,
    Frame,
    Input,
    IntervalRange,
    Output,
    Plane,
    PlaneFormat,
    Rect,
    SizeRange,
    SourceHost,
    VideoSource,
)
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import (
    BufFlag,
    BufType,
    Colorspace,
    CtrlFlag,
    Field,
    FmtFlag,
    Quantization,
    XferFunc,
    YcbcrEncoding,
    fourcc,
    fourcc_name,
)

__all__ = [
    "ENTRY_POINTS",
    "PLUGIN_API",
    "BufFlag",
    "BufType",
    "Cid",
    "Colorspace",
    "ControlSpec",
    "ControlValue",
    "Cropping",
    "CtrlFlag",
    "Description",
    "Field",
    "Filled",
    "FmtFlag",
    "Format",
    "FormatDesc",
    "Frame",
    "InnerSource",
    "Input",
    "IntervalRange",
    "Kind",
    "MenuItem",
    "NoOptions",
    "Node",
    "NodeMaker",
    "NodePorts",
    "Output",
    "PictureCamera",
    "Plane",
    "PlaneFormat",
    "Plugin",
    "Quantization",
    "Reactor",
    "Rect",
    "SizeRange",
    "SourceHost",
    "V4l2Error",
    "VideoSource",
    "XferFunc",
    "YcbcrEncoding",
    "auto_cluster",
    "cluster",
    "fourcc",
    "fourcc_name",
    "open_source",
]
