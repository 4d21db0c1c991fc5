"""Codes, names and sizes that other rooms and people rely on."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmedia_bench.wire import media
from vmedia_bench.wire.controls import CONTROL_NAMES, Cid, cid_name
from vmedia_bench.wire.errno_names import NAMES, NUMBERS, errno_name, errno_number, near_names
from vmedia_bench.wire.pixelformats import PIXEL_FORMATS, description_of
from vmedia_bench.wire.structs import BUFFER, EVENT, PLANE
from vmedia_bench.wire.v4l2 import (
    BufType,
    fourcc,
    fourcc_name,
    is_capture,
    is_multiplanar,
    is_output,
)


@pytest.mark.parametrize(
    ("code", "value"), [("NV12", 0x3231564E), ("Y4", 0x20203459), ("Y16 -BE", 0xA0363159)]
)
def test_four_character_codes(code: str, value: int) -> None:
    assert fourcc(code) == value


@pytest.mark.parametrize("code", ["", "NV12M", "é", "ABCDE-BE"])
def test_what_is_no_four_character_code(code: str) -> None:
    with pytest.raises(ValueError, match="not a four-character code"):
        fourcc(code)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=4, max_size=4))
def test_the_name_of_a_code_gives_the_code(code: str) -> None:
    assert fourcc_name(fourcc(code)) == code
    assert fourcc(fourcc_name(fourcc(code) | 1 << 31)) == fourcc(code) | 1 << 31


def test_a_code_that_cannot_be_printed_is_hexadecimal() -> None:
    assert fourcc_name(1) == "0x00000001"


def test_every_buffer_type_is_capture_or_output() -> None:
    for kind in range(1, 15):
        assert is_capture(kind) != is_output(kind)
    assert not is_capture(0)
    assert not is_output(15)
    assert [kind for kind in range(16) if is_multiplanar(kind)] == [
        BufType.VIDEO_CAPTURE_MPLANE,
        BufType.VIDEO_OUTPUT_MPLANE,
    ]


def test_pixel_formats_have_what_the_kernel_says_of_them() -> None:
    assert PIXEL_FORMATS[fourcc("YUYV")].description == "YUYV 4:2:2"
    assert PIXEL_FORMATS[fourcc("NM12")].name == "V4L2_PIX_FMT_NV12M"
    assert PIXEL_FORMATS[fourcc("MJPG")].compressed
    assert not PIXEL_FORMATS[fourcc("NV12")].compressed
    assert description_of(fourcc("ZZZZ")) == "ZZZZ"
    assert all(0 < len(row.description) <= 31 for row in PIXEL_FORMATS.values())


def test_controls_have_the_kernels_names() -> None:
    assert CONTROL_NAMES[Cid.BRIGHTNESS] == "Brightness"
    assert CONTROL_NAMES[Cid.USER_CLASS] == "User Controls"
    assert Cid.POWER_LINE_FREQUENCY.label == "Power Line Frequency"
    assert cid_name(0x00980900) == "BRIGHTNESS"
    assert cid_name(0x0A000001) == "0x0a000001"
    assert all(len(name) <= 31 for name in CONTROL_NAMES.values())


def test_an_errno_has_one_name() -> None:
    assert errno_name(22) == "EINVAL"
    assert errno_name(errno.EAGAIN) == "EAGAIN"
    assert errno_name(errno.EOPNOTSUPP) == "EOPNOTSUPP"
    assert errno_name(4000) == "4000"


@pytest.mark.parametrize(("text", "number"), [("EIO", 5), ("eio", 5), ("5", 5), (" ENOTTY ", 25)])
def test_a_name_or_number_is_an_errno(text: str, number: int) -> None:
    assert errno_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "-5", "4096", "99999999999", "EWHAT", "\u0665"])
def test_what_is_no_errno(text: str) -> None:
    with pytest.raises(ValueError, match="is no errno"):
        errno_number(text)


def test_a_misspelt_errno_is_answered_with_near_ones() -> None:
    assert near_names("EINVALL")[0] == "EINVAL"
    with pytest.raises(ValueError, match="did you mean EINVAL"):
        errno_number("einvalid")


def test_names_and_numbers_agree() -> None:
    assert all(errno_number(name) == number for number, name in NAMES.items())
    assert all(NUMBERS[NAMES[number]] == number for number in NUMBERS.values())


def test_the_sizes_that_the_linux_driver_expects() -> None:
    commands = (media.CMD_HEADER, media.CMD_SESSION, media.MMAP_COMMAND, media.MUNMAP_COMMAND)
    assert [codec.size for codec in commands] == [8, 16, 20, 16]
    responses = (media.RESP_HEADER, media.RESP_OPEN, media.RESP_MMAP)
    assert [codec.size for codec in responses] == [8, 16, 24]
    assert (media.SG_ENTRY.size, media.CONFIG.size) == (16, 40)
    header = media.EVENT_HEADER.size
    assert media.EVENT_ERROR.size == media.EVENT_ERROR_SIZE == 16
    assert header + BUFFER.size + media.MAX_PLANES * PLANE.size == media.EVENT_DQBUF_SIZE == 608
    assert header + EVENT.size == media.EVENT_EVENT_SIZE == 144
