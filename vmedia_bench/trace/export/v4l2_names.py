"""Values as v4l2-tracer spells them: the names of the kernel's headers, in full."""

from collections.abc import Mapping
from typing import Final

from vmedia_bench.trace.decoded import Field
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.pixelformats import PIXEL_FORMATS
from vmedia_bench.wire.v4l2 import PIX_FMT_PRIV_MAGIC, CtrlWhich

_NAMED: Final[Mapping[str, str]] = {
    "BufType": "V4L2_BUF_TYPE_",
    "Memory": "V4L2_MEMORY_",
    "Field": "V4L2_FIELD_",
    "Colorspace": "V4L2_COLORSPACE_",
    "YcbcrEncoding or HsvEncoding": "V4L2_YCBCR_ENC_",
    "Quantization": "V4L2_QUANTIZATION_",
    "XferFunc": "V4L2_XFER_FUNC_",
    "FrmSizeType": "V4L2_FRMSIZE_TYPE_",
    "FrmIvalType": "V4L2_FRMIVAL_TYPE_",
    "CtrlType": "V4L2_CTRL_TYPE_",
    "EventType": "V4L2_EVENT_",
    "SelTarget": "V4L2_SEL_TGT_",
    "DecCmd": "V4L2_DEC_CMD_",
    "EncCmd": "V4L2_ENC_CMD_",
    "DecStartFormat": "V4L2_DEC_START_FMT_",
}
_FLAGS: Final[Mapping[str, str]] = {
    "BufFlag": "V4L2_BUF_FLAG_",
    "BufCap": "V4L2_BUF_CAP_",
    "MemoryFlag": "V4L2_MEMORY_FLAG_",
    "FmtFlag": "V4L2_FMT_FLAG_",
    "PixFmtFlag": "V4L2_PIX_FMT_FLAG_",
    "CtrlFlag": "V4L2_CTRL_FLAG_",
    "EventSubFlag": "V4L2_EVENT_SUB_FL_",
    "SelFlag": "V4L2_SEL_FLAG_",
}
_FIRST_HSV: Final = 128
_CONTROLS: Final = {int(cid): cid.name.lstrip("_") for cid in Cid}


def spelled(field: Field) -> int | str:
    """
    A field's value for the retracer.

    A number stays one wherever there is no name: that is right for numbers, and for names too,
    since the retracer reads a name it does not know as a number.
    """
    value = field.value
    _, _, what = field.c_type.partition(" ")
    if not isinstance(value, int):
        return value
    if field.name == "priv":
        # Any text that is not empty means the magic number.
        return "V4L2_PIX_FMT_PRIV_MAGIC" if value == PIX_FMT_PRIV_MAGIC else ""
    if what in _FLAGS:
        return _flags(field.text, _FLAGS[what]) if value else ""
    return _name(field, what, value) or value


def _name(field: Field, what: str, value: int) -> str:
    """The name of a value, empty where it has none."""
    if what == "fourcc":
        return PIXEL_FORMATS[value].name if value in PIXEL_FORMATS else ""
    if what == "control ID":
        # The ID that an event is about is only ever a number to the retracer.
        known = value in _CONTROLS and "event" not in field.path
        return f"V4L2_CID_{_CONTROLS[value]}" if known else ""
    if what.startswith("CtrlWhich"):
        known = value in CtrlWhich._value2member_map_
        return f"V4L2_CTRL_WHICH_{CtrlWhich(value).name}" if known else ""
    if what not in _NAMED or (what.startswith("Ycbcr") and value >= _FIRST_HSV):
        return ""
    unknown = field.text in {str(value), hex(value)}
    return "" if unknown else _NAMED[what] + field.text


def _flags(text: str, start: str) -> str:
    return "|".join(part if part.startswith("0x") else start + part for part in text.split("|"))
