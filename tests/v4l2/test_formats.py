"""ENUM_FMT, G/S/TRY_FMT, ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS: what is declared and adjusted."""

from dataclasses import replace
from errno import EBUSY, EINVAL, ENOTTY
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from tests.v4l2.rig import (
    CAPTURE,
    CAPTURE_MPLANE,
    GREY,
    GREY_DESC,
    MJPEG,
    NM12,
    NM12_DESC,
    OUTPUT,
    PROGRESSIVE,
    SIZES,
    YUYV,
    YUYV_DESC,
    Camera,
    Guest,
    Rig,
    refused,
)
from vmedia_bench.v4l2.source import (
    FormatDesc,
    IntervalRange,
    PlaneFormat,
    SizeRange,
)
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import (
    FMTDESC,
    FORMAT,
    FRACT,
    FRMIVAL_STEPWISE,
    FRMIVALENUM,
    FRMSIZE_STEPWISE,
    FRMSIZEENUM,
    PIX_FORMAT,
    PIX_FORMAT_MPLANE,
    PLANE_PIX_FORMAT,
)
from vmedia_bench.wire.v4l2 import (
    PIX_FMT_PRIV_MAGIC,
    Colorspace,
    FmtFlag,
    FrmIvalType,
    FrmSizeType,
    PixFmtFlag,
    Quantization,
    XferFunc,
    YcbcrEncoding,
)

MJPEG_DESC = FormatDesc(
    MJPEG,
    lambda w, h: (PlaneFormat(0, w * h // 4),),
    SIZES,
    colorspace=int(Colorspace.JPEG),
)
G, S, TRY = ioctls.VIDIOC_G_FMT, ioctls.VIDIOC_S_FMT, ioctls.VIDIOC_TRY_FMT


class Pix(NamedTuple):
    width: int = 0
    height: int = 0
    pixelformat: int = 0
    field: int = 0
    bytesperline: int = 0
    sizeimage: int = 0
    colorspace: int = 0
    priv: int = 0
    flags: int = 0
    ycbcr_enc: int = 0
    quantization: int = 0
    xfer_func: int = 0


INVALID = Pix(*[0xFFFFFFFF] * 12)._replace(field=0)


def fmt(guest: Guest, number: int, pix: Pix = Pix(), buf_type: int | None = None) -> Pix:  # noqa: B008
    kind = guest.type if buf_type is None else buf_type
    answer = guest.ioctl(number, FORMAT.pack(kind, PIX_FORMAT.pack(*pix)))
    assert int.from_bytes(answer[:4], "little") == kind
    return Pix(*PIX_FORMAT.unpack_from(answer, 8))


# ENUM_FMT


def enum_fmt(guest: Guest, index: int, buf_type: int | None = None) -> tuple[Any, ...]:
    arg = bytearray(b"\xff" * 64)
    arg[:8] = index.to_bytes(4, "little") + (buf_type or guest.type).to_bytes(4, "little")
    answer = guest.ioctl(ioctls.VIDIOC_ENUM_FMT, arg)
    assert answer[52:] == bytes(12)
    return FMTDESC.unpack(answer)


def test_formats_come_in_the_order_of_the_declaration_with_kernel_names(guest: Guest) -> None:
    index, kind, flags, name, pixelformat, mbus = enum_fmt(guest, 0)
    assert (index, kind, flags, pixelformat, mbus) == (0, CAPTURE, 0, YUYV, 0)
    assert name.rstrip(b"\0") == b"YUYV 4:2:2"
    assert enum_fmt(guest, 1)[4] == GREY


@pytest.mark.parametrize("index", [2, 0x80000000, 0xFFFFFFFF])
def test_a_format_past_the_end_is_einval(guest: Guest, index: int) -> None:
    with refused(EINVAL):
        enum_fmt(guest, index)


@pytest.mark.parametrize("buf_type", [OUTPUT, CAPTURE_MPLANE, 0x80])
def test_formats_of_another_queue_are_einval(guest: Guest, buf_type: int) -> None:
    with refused(EINVAL):
        enum_fmt(guest, 0, buf_type)
    for number in (G, S, TRY):
        with refused(EINVAL):
            fmt(guest, number, buf_type=buf_type)


def test_compressed_formats_say_so_without_being_declared_so() -> None:
    guest = Rig(Camera(MJPEG_DESC)).open()
    assert enum_fmt(guest, 0)[2] == FmtFlag.COMPRESSED


# G_FMT, TRY_FMT, S_FMT


def test_the_first_format_is_near_vga(guest: Guest) -> None:
    assert fmt(guest, G, INVALID) == Pix(
        width=640,
        height=480,
        pixelformat=YUYV,
        field=PROGRESSIVE,
        bytesperline=1280,
        sizeimage=614400,
        colorspace=int(Colorspace.SRGB),
        priv=PIX_FMT_PRIV_MAGIC,
    )


@pytest.mark.parametrize("number", [TRY, S])
def test_what_we_have_is_taken_as_it_is(guest: Guest, number: int) -> None:
    current = fmt(guest, G)
    assert fmt(guest, number, current) == current


@pytest.mark.parametrize("number", [TRY, S])
def test_nonsense_is_adjusted_and_never_refused(guest: Guest, number: int) -> None:
    pix = fmt(guest, number, INVALID)
    assert (pix.width, pix.height, pix.pixelformat) == (1920, 1080, YUYV)
    assert (pix.field, pix.colorspace) == (PROGRESSIVE, Colorspace.SRGB)
    assert pix.sizeimage == 1920 * 1080 * 2
    assert fmt(guest, number, Pix(1, 1, 0x20202020))[:3] == (16, 16, YUYV)


def test_odd_sizes_go_to_the_nearest_step(guest: Guest) -> None:
    assert fmt(guest, TRY, Pix(101, 103, YUYV))[:2] == (102, 104)


@pytest.mark.parametrize(
    ("asked", "given"), [((1, 1), (64, 48)), ((300, 300), (320, 240)), ((9999, 9), (320, 240))]
)
def test_discrete_sizes_go_to_the_nearest_one(
    guest: Guest, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    pix = fmt(guest, TRY, Pix(*asked, GREY))
    assert (pix.pixelformat, pix.width, pix.height) == (GREY, *given)


def test_try_fmt_changes_nothing(guest: Guest) -> None:
    before = fmt(guest, G)
    fmt(guest, TRY, Pix(64, 48, GREY))
    assert fmt(guest, G) == before


def test_s_fmt_holds_for_every_session_of_a_camera(guest: Guest) -> None:
    source = guest.rig.source
    assert isinstance(source, Camera)
    set_to = fmt(guest, S, Pix(64, 48, GREY))
    assert fmt(guest.rig.open(), G) == set_to
    assert source.calls[-1] == ("configure", GREY, 64, 48)


def test_s_fmt_is_ebusy_while_buffers_are_allocated(guest: Guest) -> None:
    other = guest.rig.open()
    guest.reqbufs(1)
    for session in (guest, other):
        with refused(EBUSY):
            fmt(session, S, Pix(64, 48, GREY))
    assert fmt(other, TRY, Pix(64, 48, GREY)).pixelformat == GREY
    guest.reqbufs(0)
    assert fmt(other, S, Pix(64, 48, GREY)).pixelformat == GREY


def test_buffers_have_the_size_of_the_format_that_is_set(guest: Guest) -> None:
    fmt(guest, S, Pix(64, 48, GREY))
    guest.reqbufs(1)
    assert guest.querybuf(0).length == 64 * 48


def test_a_compressed_format_may_be_given_more_room_but_not_without_end() -> None:
    guest = Rig(Camera(MJPEG_DESC)).open()
    least = 640 * 480 // 4
    for asked, given in ((least + 9, least + 9), (least - 1, least), (0xFFFFFFFF, least)):
        assert fmt(guest, TRY, Pix(640, 480, MJPEG, sizeimage=asked)).sizeimage == given


# Colorimetry

WIDE = Pix(
    640,
    480,
    YUYV,
    colorspace=int(Colorspace.BT2020),
    priv=PIX_FMT_PRIV_MAGIC,
    flags=int(PixFmtFlag.SET_CSC),
    ycbcr_enc=int(YcbcrEncoding.BT2020),
    quantization=int(Quantization.FULL_RANGE),
    xfer_func=int(XferFunc.SMPTE2084),
)


def colorimetry(pix: Pix) -> tuple[int, int, int, int]:
    return pix.colorspace, pix.ycbcr_enc, pix.quantization, pix.xfer_func


def test_a_capture_queue_has_the_sources_colorimetry(guest: Guest) -> None:
    assert colorimetry(fmt(guest, TRY, WIDE)) == (Colorspace.SRGB, 0, 0, 0)


def test_a_capture_format_that_converts_takes_what_set_csc_asks_for() -> None:
    flags = int(FmtFlag.CSC_COLORSPACE | FmtFlag.CSC_QUANTIZATION)
    guest = Rig(Camera(replace(YUYV_DESC, flags=flags))).open()
    assert colorimetry(fmt(guest, TRY, WIDE)) == (
        Colorspace.BT2020,
        0,
        Quantization.FULL_RANGE,
        0,
    )
    assert colorimetry(fmt(guest, TRY, WIDE._replace(flags=0))) == (Colorspace.SRGB, 0, 0, 0)
    assert fmt(guest, TRY, WIDE).flags == 0


def test_an_output_queue_takes_the_guests_colorimetry() -> None:
    guest = Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open()
    assert colorimetry(fmt(guest, S, WIDE)) == colorimetry(WIDE)
    assert colorimetry(fmt(guest, G)) == colorimetry(WIDE)


def test_without_the_magic_number_the_fields_behind_priv_do_not_count() -> None:
    guest = Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open()
    pix = fmt(guest, TRY, WIDE._replace(priv=0))
    assert colorimetry(pix) == (Colorspace.BT2020, 0, 0, 0)
    assert pix.priv == PIX_FMT_PRIV_MAGIC


@pytest.mark.parametrize("colorspace", [0, Colorspace.BT878, 13, 0xFFFFFFFF])
def test_a_colorspace_that_is_none_becomes_the_default(colorspace: int) -> None:
    guest = Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open()
    pix = fmt(guest, TRY, WIDE._replace(colorspace=int(colorspace)))
    assert colorimetry(pix) == (Colorspace.SRGB, 0, 0, 0)


# Multi-planar


def test_a_multiplanar_format_names_each_plane() -> None:
    guest = Rig(Camera(NM12_DESC, buf_type=CAPTURE_MPLANE)).open()
    arg = bytearray(b"\xff" * 208)
    arg[:4] = CAPTURE_MPLANE.to_bytes(4, "little")
    for number in (S, TRY, G):
        answer = guest.ioctl(number, arg)
        width, height, pixelformat, field, colorspace, planes, count, flags, *colour = (
            PIX_FORMAT_MPLANE.unpack_from(answer, 8)
        )
        assert (width, height, pixelformat) == (1920, 1080, NM12)
        assert (field, colorspace, count, flags) == (PROGRESSIVE, Colorspace.SRGB, 2, 0)
        assert colour == [0, 0, 0]
        sizes = list(PLANE_PIX_FORMAT.iter_unpack(planes))
        assert sizes == [(1920 * 1080, 1920), (1920 * 540, 1920), *[(0, 0)] * 6]
        assert answer[8 + 185 + 7 :] == bytes(8)


# ENUM_FRAMESIZES


def framesize(guest: Guest, index: int, pixelformat: int) -> tuple[int, bytes]:
    arg = index.to_bytes(4, "little") + pixelformat.to_bytes(4, "little") + b"\xff" * 36
    answer = guest.ioctl(ioctls.VIDIOC_ENUM_FRAMESIZES, arg)
    assert answer[:8] == arg[:8]
    assert answer[36:] == bytes(8)
    _, _, kind, union = FRMSIZEENUM.unpack(answer)
    return kind, union


def test_discrete_frame_sizes_are_one_entry_each(guest: Guest) -> None:
    kinds = [framesize(guest, index, GREY) for index in range(2)]
    assert kinds == [
        (FrmSizeType.DISCRETE, FRACT.pack(64, 48) + bytes(16)),
        (FrmSizeType.DISCRETE, FRACT.pack(320, 240) + bytes(16)),
    ]
    with refused(EINVAL):
        framesize(guest, 2, GREY)


@pytest.mark.parametrize(("step", "kind"), [(2, FrmSizeType.STEPWISE), (1, FrmSizeType.CONTINUOUS)])
def test_a_range_of_frame_sizes_is_one_entry(step: int, kind: FrmSizeType) -> None:
    sizes = SizeRange(16, 1920, 16, 1080, step, step)
    guest = Rig(Camera(replace(YUYV_DESC, sizes=sizes))).open()
    union = FRMSIZE_STEPWISE.pack(16, 1920, step, 16, 1080, step)
    assert framesize(guest, 0, YUYV) == (kind, union)
    with refused(EINVAL):
        framesize(guest, 1, YUYV)


def test_frame_sizes_of_an_unknown_format_are_einval(guest: Guest) -> None:
    with refused(EINVAL):
        framesize(guest, 0, 0x20202020)


# ENUM_FRAMEINTERVALS


class Rated(Camera):
    """A camera with the intervals of `rates`."""

    rates: tuple[Fraction, ...] | IntervalRange = (Fraction(1, 60), Fraction(1001, 30000))

    def intervals(
        self, pixelformat: int, width: int, height: int
    ) -> tuple[Fraction, ...] | IntervalRange:
        return self.rates


def interval(
    guest: Guest, index: int, pixelformat: int, width: int, height: int
) -> tuple[int, bytes]:
    arg = FRMIVALENUM.pack(index, pixelformat, width, height, 0xFF, b"\xff" * 24)[:44]
    answer = guest.ioctl(ioctls.VIDIOC_ENUM_FRAMEINTERVALS, arg + b"\xff" * 8)
    assert answer[:16] == arg[:16]
    assert answer[44:] == bytes(8)
    return FRMIVALENUM.unpack(answer)[4:]


def test_discrete_intervals_are_one_entry_each() -> None:
    guest = Rig(Rated()).open()
    assert interval(guest, 1, YUYV, 640, 480) == (
        FrmIvalType.DISCRETE,
        FRACT.pack(1001, 30000) + bytes(16),
    )
    with refused(EINVAL):
        interval(guest, 2, YUYV, 640, 480)


@pytest.mark.parametrize(
    ("step", "kind", "shown"),
    [
        (Fraction(0), FrmIvalType.CONTINUOUS, (1, 1)),
        (Fraction(1, 100), FrmIvalType.STEPWISE, (1, 100)),
    ],
)
def test_a_range_of_intervals_is_one_entry(
    step: Fraction, kind: FrmIvalType, shown: tuple[int, int]
) -> None:
    source = Rated()
    source.rates = IntervalRange(Fraction(1, 120), Fraction(1), step)
    guest = Rig(source).open()
    assert interval(guest, 0, YUYV, 16, 16) == (kind, FRMIVAL_STEPWISE.pack(1, 120, 1, 1, *shown))
    with refused(EINVAL):
        interval(guest, 1, YUYV, 16, 16)


@pytest.mark.parametrize(
    "size", [(YUYV, 15, 16), (YUYV, 1920, 1081), (YUYV, 17, 16), (GREY, 65, 48), (0x20, 64, 48)]
)
def test_intervals_of_a_size_that_is_not_declared_are_einval(
    guest: Guest, size: tuple[int, int, int]
) -> None:
    with refused(EINVAL):
        interval(guest, 0, *size)


def test_a_source_without_rates_has_no_such_ioctl() -> None:
    source = Rated(GREY_DESC)
    source.rates = ()
    with refused(ENOTTY):
        interval(Rig(source).open(), 0, GREY, 64, 48)
