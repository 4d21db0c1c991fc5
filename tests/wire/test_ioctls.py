"""The ioctl table: what a driver sends, what a device never meets, and how names are found."""

import pytest

from vmedia_bench.wire import ioctls
from vmedia_bench.wire.ioctls import (
    BY_NAME,
    IOCTLS,
    Direction,
    Sent,
    Shape,
    ioctl_name,
    ioctl_named,
)


def test_the_table_is_whole() -> None:
    assert len(IOCTLS) == 83
    constants = {
        name: number for name, number in vars(ioctls).items() if name.startswith("VIDIOC_")
    }
    assert {row.name: row.number for row in IOCTLS.values()} == constants


@pytest.mark.parametrize("spelling", ["VIDIOC_QBUF", "QBUF", "qbuf", " vidioc_qbuf "])
def test_a_name_is_found_with_and_without_its_prefix(spelling: str) -> None:
    assert ioctl_named(spelling).number == ioctls.VIDIOC_QBUF == 15


def test_both_spellings_are_in_the_mapping() -> None:
    assert BY_NAME["VIDIOC_G_FMT"] is BY_NAME["G_FMT"] is IOCTLS[4]


def test_a_wrong_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match="did you mean QBUF"):
        ioctl_named("VIDIOC_QBUFF")
    with pytest.raises(ValueError, match=r"is no V4L2 ioctl$"):
        ioctl_named("frobnicate")


def test_an_unknown_number_still_has_a_name() -> None:
    assert ioctl_name(5) == "S_FMT"
    assert ioctl_name(200) == "ioctl 200"


@pytest.mark.parametrize(
    "name", ["QUERYCAP", "DQBUF", "DQEVENT", "G_JPEGCOMP", "S_JPEGCOMP", "LOG_STATUS"]
)
def test_the_specification_replaces(name: str) -> None:
    assert BY_NAME[name].sent is Sent.REPLACED
    assert BY_NAME[name].note


@pytest.mark.parametrize(
    "name", ["EXPBUF", "OVERLAY", "G_FBUF", "G_EDID", "G_PRIORITY", "G_CROP", "REMOVE_BUFS"]
)
def test_the_linux_driver_does_not_send(name: str) -> None:
    assert BY_NAME[name].sent is Sent.NOT_BY_LINUX
    assert BY_NAME[name].note


@pytest.mark.parametrize("name", ["G_INPUT", "G_OUTPUT"])
def test_what_is_ior_in_the_header_and_wr_on_the_wire(name: str) -> None:
    assert BY_NAME[name].direction is Direction.WR


def test_the_shapes() -> None:
    by_shape = {
        shape: {row.short_name for row in IOCTLS.values() if row.shape is shape} for shape in Shape
    }
    assert by_shape[Shape.BUFFER] == {"QUERYBUF", "QBUF", "DQBUF", "PREPARE_BUF"}
    assert by_shape[Shape.EXT_CONTROLS] == {"G_EXT_CTRLS", "S_EXT_CTRLS", "TRY_EXT_CTRLS"}


def test_the_newest_ioctl() -> None:
    row = BY_NAME["REMOVE_BUFS"]
    assert (row.number, row.direction, row.payload, row.size) == (
        104,
        Direction.WR,
        "v4l2_remove_buffers",
        64,
    )
