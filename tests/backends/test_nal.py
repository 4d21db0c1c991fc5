"""Coded buffers taken apart: pictures one by one, headers with the picture they come before."""

import pytest

from vmedia_bench.backends.codec.decoding import slice_threads
from vmedia_bench.backends.codec.nal import access_units, holds_picture

SHORT, LONG = b"\0\0\1", b"\0\0\0\1"

H264_SPS = LONG + b"\x67\x42\xc0\x1e"
H264_PPS = SHORT + b"\x68\xce\x3c\x80"
H264_PICTURE = SHORT + b"\x65\x88\x84" + bytes(range(1, 60))
H264_SECOND_SLICE = SHORT + b"\x65\x42\x84" + bytes(range(1, 60))

HEVC_VPS = LONG + b"\x40\x01\x0c\x01"
HEVC_PICTURE = SHORT + b"\x26\x01\xaf" + bytes(range(1, 60))
HEVC_SECOND_SLICE = SHORT + b"\x26\x01\x2f" + bytes(range(1, 60))

MPEG2_SEQUENCE = SHORT + b"\xb3\x14\x00\xf0"
MPEG2_GROUP = SHORT + b"\xb8\x00\x08\x00"
MPEG2_EXTENSION = SHORT + b"\xb5\x14\x8a\x00"
MPEG2_SLICES = b"".join(SHORT + bytes((line, 0x2B, 0xFC)) for line in range(1, 69))
MPEG2_PICTURE = SHORT + b"\x00\x00\x0f\xff" + MPEG2_EXTENSION + MPEG2_SLICES


@pytest.mark.parametrize(
    ("code", "pictures"),
    [
        ("H264", (H264_SPS + H264_PPS + H264_PICTURE + H264_SECOND_SLICE,) * 2),
        ("H264", (H264_SPS + H264_PICTURE, H264_PICTURE, H264_PPS + H264_PICTURE)),
        ("HEVC", (HEVC_VPS + HEVC_PICTURE + HEVC_SECOND_SLICE, HEVC_PICTURE)),
        ("MPG2", (MPEG2_SEQUENCE + MPEG2_EXTENSION + MPEG2_GROUP + MPEG2_PICTURE, MPEG2_PICTURE)),
    ],
)
def test_each_picture_is_a_unit_with_its_headers_and_slices(
    code: str, pictures: tuple[bytes, ...]
) -> None:
    assert access_units(code, b"".join(pictures)) == list(pictures)


@pytest.mark.parametrize("code", ["VP80", "VP90", "AV01"])
def test_other_codecs_have_a_picture_a_buffer(code: str) -> None:
    assert access_units(code, H264_PICTURE * 2) == [H264_PICTURE * 2]


@pytest.mark.parametrize(
    ("code", "headers", "picture"),
    [
        ("H264", H264_SPS + H264_PPS, H264_PICTURE),
        ("HEVC", HEVC_VPS, HEVC_PICTURE),
        ("MPG2", MPEG2_SEQUENCE + MPEG2_EXTENSION + MPEG2_GROUP, MPEG2_PICTURE),
    ],
)
def test_headers_are_told_from_pictures(code: str, headers: bytes, picture: bytes) -> None:
    assert not holds_picture(code, headers)
    assert holds_picture(code, headers + picture)


@pytest.mark.parametrize("code", ["H264", "HEVC", "MPG2"])
@pytest.mark.parametrize("data", [b"", b"\0", SHORT, LONG, SHORT + b"\0", SHORT * 3, bytes(100)])
def test_what_is_cut_off_is_handed_on_whole(code: str, data: bytes) -> None:
    assert b"".join(access_units(code, data)) == data


@pytest.mark.parametrize(
    ("code", "processors", "threads"),
    [("HEVC", 1, 1), ("HEVC", 2, 1), ("HEVC", 8, 7), ("H264", 8, 0)],
)
def test_hevc_leaves_a_processor_to_the_bench(code: str, processors: int, threads: int) -> None:
    assert slice_threads(code, processors) == threads
