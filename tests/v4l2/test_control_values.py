"""G_CTRL and S_CTRL: which values there are, how they are adjusted, and what is refused."""

from errno import EACCES, EBUSY, EINVAL, EIO, ERANGE

import pytest

from tests.v4l2.control_guest import ControlGuest
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

PRIVATE = 0x00981900
TEXT = PRIVATE + 1
BIG = PRIVATE + 2
MATRIX = PRIVATE + 3


@pytest.fixture
def guest() -> ControlGuest:
    return ControlGuest(
        ControlSpec.integer(Cid.BRIGHTNESS, -10, 245, 5, 120),
        ControlSpec.integer(Cid.EXPOSURE_ABSOLUTE, 3, 22, 10, 3),
        ControlSpec.boolean(Cid.HFLIP),
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", None, "60 Hz"], 2),
        ControlSpec.button(Cid.DO_WHITE_BALANCE),
        ControlSpec.integer(Cid.PAN_RELATIVE, -9, 9),
        ControlSpec.boolean(Cid.PRIVACY, flags=CtrlFlag.READ_ONLY),
        ControlSpec.integer(Cid.GAIN, 0, 100, default=50, volatile=True),
        ControlSpec.bitmask(PRIVATE, 0xF0000001, name="Mask"),
        ControlSpec.string(TEXT, 2, 8, 2, name="Label"),
        ControlSpec.integer64(BIG, 0, 1 << 40, name="Big"),
        ControlSpec.array(MATRIX, CtrlType.U8, (4,), minimum=0, maximum=9, name="Matrix"),
    )


def get_errno(guest: ControlGuest, cid: int) -> int:
    with pytest.raises(V4l2Error) as caught:
        guest.get(cid)
    return caught.value.errno


def set_errno(guest: ControlGuest, cid: int, value: int) -> int:
    before = guest.values()
    with pytest.raises(V4l2Error) as caught:
        guest.set(cid, value)
    assert guest.values() == before
    assert not guest.events
    return caught.value.errno


@pytest.fixture(autouse=True)
def _readings(guest: ControlGuest) -> None:
    guest.readings[Cid.GAIN] = 33


def test_a_control_starts_at_its_default(guest: ControlGuest) -> None:
    assert guest.get(Cid.BRIGHTNESS) == 120
    assert guest.get(Cid.POWER_LINE_FREQUENCY) == 2


def test_a_value_that_was_set_is_there_and_reaches_the_source(guest: ControlGuest) -> None:
    assert guest.set(Cid.BRIGHTNESS, -10) == -10
    assert guest.get(Cid.BRIGHTNESS) == -10
    assert guest.applied == [(Cid.BRIGHTNESS, -10)]


def test_setting_the_same_value_again_does_not_bother_the_source(guest: ControlGuest) -> None:
    assert guest.set(Cid.BRIGHTNESS, 120) == 120
    assert guest.applied == []
    assert guest.events == []


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (-11, -10),
        (-(1 << 31), -10),
        (246, 245),
        ((1 << 31) - 1, 245),
        (1, 0),
        (2, 0),
        (3, 5),
        (243, 245),
    ],
)
def test_numbers_are_clamped_and_rounded_to_a_step(
    guest: ControlGuest, asked: int, given: int
) -> None:
    assert guest.set(Cid.BRIGHTNESS, asked) == given


def test_a_maximum_between_two_steps_is_never_exceeded(guest: ControlGuest) -> None:
    assert guest.set(Cid.EXPOSURE_ABSOLUTE, 22) == 13
    assert guest.set(Cid.EXPOSURE_ABSOLUTE, 99) == 13


def test_any_number_switches_a_boolean_on(guest: ControlGuest) -> None:
    assert guest.set(Cid.HFLIP, -3) == 1


def test_bits_outside_of_a_mask_are_dropped(guest: ControlGuest) -> None:
    assert guest.set(PRIVATE, -1) == 0xF0000001 - (1 << 32)
    assert guest.values()[PRIVATE] == 0xF0000001


def test_a_menu_index_out_of_range_is_erange(guest: ControlGuest) -> None:
    assert set_errno(guest, Cid.POWER_LINE_FREQUENCY, 3) == ERANGE
    assert set_errno(guest, Cid.POWER_LINE_FREQUENCY, -1) == ERANGE


def test_a_menu_index_that_is_left_out_is_einval(guest: ControlGuest) -> None:
    assert set_errno(guest, Cid.POWER_LINE_FREQUENCY, 1) == EINVAL


def test_a_button_acts_each_time_and_cannot_be_read(guest: ControlGuest) -> None:
    assert guest.set(Cid.DO_WHITE_BALANCE, 5) == 0
    guest.set(Cid.DO_WHITE_BALANCE, 0)
    assert guest.applied == [(Cid.DO_WHITE_BALANCE, 0)] * 2
    assert get_errno(guest, Cid.DO_WHITE_BALANCE) == EACCES


def test_a_relative_move_acts_each_time(guest: ControlGuest) -> None:
    guest.set(Cid.PAN_RELATIVE, 4)
    guest.set(Cid.PAN_RELATIVE, 4)
    assert guest.applied == [(Cid.PAN_RELATIVE, 4)] * 2


def test_a_read_only_control_is_eacces(guest: ControlGuest) -> None:
    assert guest.get(Cid.PRIVACY) == 0
    assert set_errno(guest, Cid.PRIVACY, 1) == EACCES


def test_a_class_title_is_eacces(guest: ControlGuest) -> None:
    assert get_errno(guest, Cid.USER_CLASS) == EACCES
    assert set_errno(guest, Cid.USER_CLASS, 0) == EACCES


@pytest.mark.parametrize("cid", [TEXT, BIG, MATRIX, 0, Cid.CONTRAST])
def test_what_does_not_fit_the_old_structure_is_einval(guest: ControlGuest, cid: int) -> None:
    assert get_errno(guest, cid) == EINVAL
    assert set_errno(guest, cid, 0) == EINVAL


def test_a_grabbed_control_is_ebusy_and_readable(guest: ControlGuest) -> None:
    guest.handler.grab(Cid.BRIGHTNESS, True)
    guest.events.clear()
    assert set_errno(guest, Cid.BRIGHTNESS, 0) == EBUSY
    assert guest.get(Cid.BRIGHTNESS) == 120


def test_an_inactive_control_can_be_set(guest: ControlGuest) -> None:
    guest.handler.activate(Cid.BRIGHTNESS, False)
    assert guest.query(Cid.BRIGHTNESS).flags & CtrlFlag.INACTIVE
    assert guest.set(Cid.BRIGHTNESS, 0) == 0


def test_a_volatile_control_is_read_from_the_source(guest: ControlGuest) -> None:
    assert guest.get(Cid.GAIN) == 33
    guest.readings[Cid.GAIN] = 1000
    assert guest.get(Cid.GAIN) == 100


def test_setting_a_volatile_control_changes_nothing(guest: ControlGuest) -> None:
    guest.set(Cid.GAIN, 99)
    assert (guest.get(Cid.GAIN), guest.applied, guest.events) == (33, [], [])


def test_an_impossible_reading_is_eio(guest: ControlGuest) -> None:
    guest.readings[Cid.GAIN] = "loud"
    assert get_errno(guest, Cid.GAIN) == EIO


def test_a_source_may_refuse_and_nothing_changes(guest: ControlGuest) -> None:
    guest.refusals[Cid.BRIGHTNESS] = EIO
    assert set_errno(guest, Cid.BRIGHTNESS, 0) == EIO
