"""G_PARM and S_PARM: the frame interval."""

from errno import EBUSY, EINVAL, ENOTTY
from fractions import Fraction

import pytest

from tests.v4l2.rig import CAPTURE, OUTPUT, YUYV_DESC, Camera, Guest, Rig, refused
from vmedia_bench.v4l2.source import IntervalRange
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import CAPTUREPARM, STREAMPARM
from vmedia_bench.wire.v4l2 import BufType, StreamParmCap

FAST, SLOW = Fraction(1, 60), Fraction(1, 15)


class Rated(Camera):
    """60 or 15 frames a second, 15 above VGA; `rates` if set."""

    rates: tuple[Fraction, ...] | IntervalRange | None = None

    def intervals(
        self, pixelformat: int, width: int, height: int
    ) -> tuple[Fraction, ...] | IntervalRange:
        if self.rates is not None:
            return self.rates
        return (FAST, SLOW) if width <= 640 else (SLOW,)

    def default_interval(self) -> Fraction:
        return Fraction(1, 50)


def parm(guest: Guest, number: int, fraction: tuple[int, int] = (0, 0), kind: int = 0) -> Fraction:
    payload = bytearray(STREAMPARM.pack(kind or guest.type, b"\xff" * 200))
    payload[12:20] = fraction[0].to_bytes(4, "little") + fraction[1].to_bytes(4, "little")
    answer = guest.ioctl(number, payload)
    shown, union = STREAMPARM.unpack(answer)
    assert shown == (kind or guest.type)
    capability, mode, numerator, denominator, extended, buffers = CAPTUREPARM.unpack_from(union)
    assert (capability, mode, extended, buffers) == (StreamParmCap.TIMEPERFRAME, 0, 0, 0)
    assert union[24:] == bytes(176)
    return Fraction(numerator, denominator)


def get(guest: Guest) -> Fraction:
    return parm(guest, ioctls.VIDIOC_G_PARM)


def put(guest: Guest, numerator: int, denominator: int) -> Fraction:
    return parm(guest, ioctls.VIDIOC_S_PARM, (numerator, denominator))


@pytest.fixture
def guest() -> Guest:
    return Rig(Rated()).open()


def test_the_first_interval_is_the_sources_default_or_near_it(guest: Guest) -> None:
    assert get(guest) == FAST


@pytest.mark.parametrize(
    ("asked", "given"), [((1, 60), FAST), ((1, 20), SLOW), ((0xFFFFFFFF, 1), SLOW)]
)
def test_the_nearest_interval_is_set(guest: Guest, asked: tuple[int, int], given: Fraction) -> None:
    assert put(guest, *asked) == given
    assert get(guest.rig.open()) == given


@pytest.mark.parametrize("asked", [(0, 0), (0, 1), (1, 0)])
def test_a_zero_asks_for_the_default(guest: Guest, asked: tuple[int, int]) -> None:
    put(guest, 1, 15)
    assert put(guest, *asked) == FAST


def test_a_continuous_range_takes_any_interval_in_it() -> None:
    source = Rated()
    source.rates = IntervalRange(Fraction(1, 1000), Fraction(10))
    guest = Rig(source).open()
    assert put(guest, 1001, 24000) == Fraction(1001, 24000)
    assert put(guest, 1, 0xFFFFFFFF) == Fraction(1, 1000)


def test_a_new_format_may_rule_the_interval_out(guest: Guest) -> None:
    fmt = guest.ioctl(ioctls.VIDIOC_G_FMT, CAPTURE.to_bytes(4, "little") + bytes(204))
    fmt[8:16] = (1280).to_bytes(4, "little") + (720).to_bytes(4, "little")
    guest.ioctl(ioctls.VIDIOC_S_FMT, fmt)
    assert get(guest) == SLOW


def test_s_parm_while_streaming_is_ebusy(guest: Guest) -> None:
    guest.stream()
    with refused(EBUSY):
        put(guest, 1, 15)


@pytest.mark.parametrize("kind", [OUTPUT, BufType.VIDEO_CAPTURE_MPLANE, 0x80])
def test_another_queue_is_einval(guest: Guest, kind: int) -> None:
    for number in (ioctls.VIDIOC_G_PARM, ioctls.VIDIOC_S_PARM):
        with refused(EINVAL):
            parm(guest, number, kind=int(kind))


def test_a_source_without_rates_has_no_such_ioctls() -> None:
    source = Rated()
    source.rates = ()
    guest = Rig(source).open()
    for guest.type in (CAPTURE, OUTPUT):
        for number in (ioctls.VIDIOC_G_PARM, ioctls.VIDIOC_S_PARM):
            with refused(ENOTTY):
                parm(guest, number)


def test_an_output_queue_has_an_interval_too() -> None:
    guest = Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open()
    assert put(guest, 1, 30) == Fraction(1, 30)
