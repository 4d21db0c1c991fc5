"""Fields set by name."""

import pytest

from vmedia_bench.wire.ioctls import ioctl_named
from vmedia_bench.wire.layouts.edit import assign
from vmedia_bench.wire.layouts.v4l2 import payload_layout
from vmedia_bench.wire.structs import FMTDESC, PIX_FORMAT
from vmedia_bench.wire.v4l2 import fourcc

FORMAT = payload_layout(ioctl_named("G_FMT"))
DESC = payload_layout(ioctl_named("ENUM_FMT"))


def test_numbers_and_spelled_names_both_do() -> None:
    by_name = assign(DESC, bytes(64), "type", "VIDEO_CAPTURE")
    assert by_name == assign(DESC, bytes(64), "type", "1")
    assert FMTDESC.unpack(by_name)[1] == 1


def test_a_type_decides_what_the_fields_after_it_are() -> None:
    data = assign(FORMAT, bytes(208), "type", "VIDEO_CAPTURE")
    data = assign(FORMAT, data, "fmt.pix.width", "0x280")
    data = assign(FORMAT, data, "pixelformat", "NV12")
    assert PIX_FORMAT.unpack_from(data, 8)[:3] == (640, 0, fourcc("NV12"))


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("typ", "1", "there are type"),
        ("type", "CAMERA", "not a value"),
        ("type", "99999999999", "not a value"),
    ],
)
def test_what_cannot_be_set_is_a_value_error_that_helps(path: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        assign(FORMAT, bytes(208), path, text)


def test_an_ambiguous_name_lists_what_it_may_be() -> None:
    stepwise = payload_layout(ioctl_named("ENUM_FRAMEINTERVALS"))
    data = assign(stepwise, bytes(52), "type", "STEPWISE")
    with pytest.raises(ValueError, match=r"may be .*min\.numerator"):
        assign(stepwise, data, "numerator", "1")
