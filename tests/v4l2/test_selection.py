"""G_SELECTION and S_SELECTION; CROPCAP asks for bounds and default through the former."""

from errno import EINVAL, ENOTTY, ERANGE

import pytest

from tests.v4l2.rig import (
    CAPTURE,
    CAPTURE_MPLANE,
    NM12_DESC,
    OUTPUT,
    YUYV_DESC,
    Camera,
    Guest,
    Rig,
    refused,
)
from vmedia_bench.v4l2.source import Cropping, Rect
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import SELECTION
from vmedia_bench.wire.v4l2 import SelFlag, SelTarget

BOUNDS = Rect(-8, 0, 1936, 1096)
DEFAULT = Rect(0, 0, 1920, 1080)
GET, SET = ioctls.VIDIOC_G_SELECTION, ioctls.VIDIOC_S_SELECTION


def clamp(rect: Rect) -> Rect:
    return Rect(0, 0, min(max(rect.width, 64), 1920), min(max(rect.height, 64), 1080))


class Zoom(Camera):
    """A source that crops as `can` says."""

    can: Cropping | None = Cropping(BOUNDS, DEFAULT, clamp)

    def cropping(self, buf_type: int) -> Cropping | None:
        assert buf_type in self.buf_types
        return self.can

    def set_crop(self, buf_type: int, rect: Rect) -> None:
        self.calls.append(("crop", rect))


@pytest.fixture
def guest() -> Guest:
    return Rig(Zoom()).open()


def select(
    guest: Guest,
    number: int,
    target: int,
    rect: Rect = Rect(1, 2, 3, 4),  # noqa: B008
    *,
    kind: int = CAPTURE,
    flags: int = 0,
) -> Rect:
    fields = (kind, target, flags, rect.left, rect.top, rect.width, rect.height)
    answer = guest.ioctl(number, SELECTION.pack(*fields)[:28] + b"\xff" * 36)
    shown_kind, shown_target, _, *sides = SELECTION.unpack(answer)
    assert (shown_kind, shown_target) == (kind, target)
    assert answer[28:] == bytes(36)
    return Rect(*sides)


def test_bounds_default_and_the_current_crop(guest: Guest) -> None:
    assert select(guest, GET, SelTarget.CROP_BOUNDS) == BOUNDS
    assert select(guest, GET, SelTarget.CROP_DEFAULT) == DEFAULT
    assert select(guest, GET, SelTarget.CROP) == DEFAULT


def test_the_nearest_crop_is_set_and_kept(guest: Guest) -> None:
    source = guest.rig.source
    assert isinstance(source, Zoom)
    assert select(guest, SET, SelTarget.CROP, Rect(5, 5, 640, 10)) == Rect(0, 0, 640, 64)
    assert select(guest, GET, SelTarget.CROP) == Rect(0, 0, 640, 64)
    assert source.calls[-1] == ("crop", Rect(0, 0, 640, 64))


@pytest.mark.parametrize(
    ("flag", "asked"),
    [(SelFlag.GE, Rect(0, 0, 4000, 100)), (SelFlag.LE, Rect(0, 0, 10, 10))],
)
def test_a_crop_that_breaks_the_flags_is_erange(guest: Guest, flag: SelFlag, asked: Rect) -> None:
    with refused(ERANGE):
        select(guest, SET, SelTarget.CROP, asked, flags=int(flag))
    assert select(guest, GET, SelTarget.CROP) == DEFAULT


def test_a_crop_may_change_while_streaming(guest: Guest) -> None:
    guest.stream()
    select(guest, SET, SelTarget.CROP, Rect(0, 0, 640, 480))


@pytest.mark.parametrize("target", [SelTarget.COMPOSE, SelTarget.NATIVE_SIZE, 0xFFFF])
def test_targets_a_camera_does_not_have_are_einval(guest: Guest, target: int) -> None:
    for number in (GET, SET):
        with refused(EINVAL):
            select(guest, number, int(target))


@pytest.mark.parametrize("target", [SelTarget.CROP_BOUNDS, SelTarget.CROP_DEFAULT])
def test_bounds_and_default_cannot_be_set(guest: Guest, target: SelTarget) -> None:
    with refused(EINVAL):
        select(guest, SET, target)


@pytest.mark.parametrize("kind", [OUTPUT, CAPTURE_MPLANE, 0xFF])
def test_another_buffer_type_is_einval(guest: Guest, kind: int) -> None:
    for number in (GET, SET):
        with refused(EINVAL):
            select(guest, number, SelTarget.CROP, kind=kind)


def test_a_multiplanar_queue_is_also_found_by_its_single_planar_type() -> None:
    guest = Rig(Zoom(NM12_DESC, buf_type=CAPTURE_MPLANE)).open()
    for kind in (CAPTURE, CAPTURE_MPLANE):
        assert select(guest, GET, SelTarget.CROP, kind=kind) == DEFAULT


def test_a_display_composes_instead() -> None:
    guest = Rig(Zoom(YUYV_DESC, buf_type=OUTPUT)).open()
    assert select(guest, GET, SelTarget.COMPOSE_BOUNDS, kind=OUTPUT) == BOUNDS
    with refused(EINVAL):
        select(guest, GET, SelTarget.CROP, kind=OUTPUT)


def test_a_source_that_does_not_crop_has_no_such_ioctls() -> None:
    source = Zoom()
    source.can = None
    guest = Rig(source).open()
    for number in (GET, SET):
        with refused(ENOTTY):
            select(guest, number, SelTarget.CROP)


@pytest.mark.parametrize("kind", [CAPTURE, 0xFF])
@pytest.mark.parametrize("target", [SelTarget.CROP, SelTarget.CROP_BOUNDS, 0xFFFF])
def test_a_fixed_crop_can_be_read_and_setting_is_no_ioctl(kind: int, target: int) -> None:
    source = Zoom()
    source.can = Cropping(BOUNDS, DEFAULT)
    guest = Rig(source).open()
    assert select(guest, GET, SelTarget.CROP) == DEFAULT
    with refused(ENOTTY):
        select(guest, SET, int(target), kind=kind)
