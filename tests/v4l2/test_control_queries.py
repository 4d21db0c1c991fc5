"""QUERYCTRL, QUERY_EXT_CTRL and QUERYMENU: what a guest finds out about the controls."""

from errno import EINVAL, ENOTTY

import pytest

from tests.v4l2.control_guest import NEXT_COMPOUND, NEXT_CTRL, SESSION, ControlGuest
from vmedia_bench.v4l2.control_ioctls import CONTROL_IOCTLS, handle
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

PRIVATE = 0x00981900
TEXT = PRIVATE + 1
BIG = PRIVATE + 2
MATRIX = PRIVATE + 3
SECOND = PRIVATE + 4


@pytest.fixture
def guest() -> ControlGuest:
    return ControlGuest(
        ControlSpec.integer(Cid.EXPOSURE_ABSOLUTE, 1, 10000, 1, 100),
        ControlSpec.integer(Cid.BRIGHTNESS, -10, 245, 5, 120),
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", None, "60 Hz"], 2),
        ControlSpec.integer_menu(Cid.LINK_FREQ, [1 << 40, -7]),
        ControlSpec.button(Cid.DO_WHITE_BALANCE),
        ControlSpec.bitmask(PRIVATE, 0xF0000001, name="Mask"),
        ControlSpec.string(TEXT, 2, 8, 2, name="Label"),
        ControlSpec.integer64(BIG, 0, 1 << 40, name="Big"),
        ControlSpec.array(
            MATRIX, CtrlType.U16, (4, 3), minimum=1, maximum=99, default=7, name="Matrix"
        ),
        ControlSpec.boolean(SECOND, name="Second"),
    )


def errno_of(guest: ControlGuest, cid: int) -> int:
    with pytest.raises(V4l2Error) as caught:
        guest.query(cid)
    return caught.value.errno


def test_a_query_tells_the_declaration(guest: ControlGuest) -> None:
    query = guest.query(Cid.BRIGHTNESS)
    assert (query.id, query.type, query.name) == (Cid.BRIGHTNESS, 1, b"Brightness")
    assert (query.minimum, query.maximum, query.step, query.default) == (-10, 245, 5, 120)
    assert (query.flags, query.elem_size, query.elems) == (CtrlFlag.SLIDER, 4, 1)
    assert (query.nr_of_dims, query.dims) == (0, (0, 0, 0, 0))


def test_the_old_query_tells_the_same(guest: ControlGuest) -> None:
    told = guest.query_old(Cid.BRIGHTNESS)
    assert told == (Cid.BRIGHTNESS, 1, -10, 245, 5, 120, CtrlFlag.SLIDER)


def test_the_old_query_cuts_a_bitmask_to_32_bits(guest: ControlGuest) -> None:
    assert guest.query_old(PRIVATE)[3] == 0xF0000001 - (1 << 32)
    assert guest.query(PRIVATE).maximum == 0xF0000001


def test_the_old_query_has_no_range_for_64_bits_and_arrays(guest: ControlGuest) -> None:
    assert guest.query_old(BIG)[2:6] == (0, 0, 0, 0)
    assert guest.query_old(MATRIX)[2:6] == (0, 0, 0, 0)


def test_payload_controls_say_so(guest: ControlGuest) -> None:
    assert guest.query(TEXT).flags & CtrlFlag.HAS_PAYLOAD
    assert guest.query(MATRIX).flags & CtrlFlag.HAS_PAYLOAD
    assert not guest.query(BIG).flags & CtrlFlag.HAS_PAYLOAD


def test_an_array_tells_its_shape(guest: ControlGuest) -> None:
    query = guest.query(MATRIX)
    assert (query.elem_size, query.elems, query.nr_of_dims) == (2, 12, 2)
    assert query.dims == (4, 3, 0, 0)


def test_a_text_tells_lengths_and_has_default_zero(guest: ControlGuest) -> None:
    query = guest.query(TEXT)
    assert (query.minimum, query.maximum, query.step, query.default) == (2, 8, 2, 0)
    assert query.elem_size == 9


def test_a_menus_step_is_one(guest: ControlGuest) -> None:
    query = guest.query(Cid.POWER_LINE_FREQUENCY)
    assert (query.minimum, query.maximum, query.step) == (0, 2, 1)


def test_a_button_is_written_only_and_has_no_range(guest: ControlGuest) -> None:
    query = guest.query(Cid.DO_WHITE_BALANCE)
    assert query.flags == CtrlFlag.WRITE_ONLY | CtrlFlag.EXECUTE_ON_WRITE
    assert (query.minimum, query.maximum, query.step, query.default) == (0, 0, 0, 0)


def test_each_class_has_a_title_that_is_neither_read_nor_written(guest: ControlGuest) -> None:
    query = guest.query(Cid.CAMERA_CLASS)
    assert (query.type, query.name) == (CtrlType.CTRL_CLASS, b"Camera Controls")
    assert query.flags == CtrlFlag.READ_ONLY | CtrlFlag.WRITE_ONLY


def test_an_unknown_control_is_einval(guest: ControlGuest) -> None:
    assert errno_of(guest, 0) == EINVAL
    assert errno_of(guest, Cid.CONTRAST) == EINVAL


def test_next_ctrl_walks_what_is_no_array_in_order(guest: ControlGuest) -> None:
    cids = guest.enumerate(NEXT_CTRL)
    assert cids == sorted(cids)
    assert MATRIX not in cids
    assert {Cid.USER_CLASS, Cid.CAMERA_CLASS, Cid.IMAGE_PROC_CLASS, TEXT, BIG} <= set(cids)


def test_next_compound_walks_arrays_only(guest: ControlGuest) -> None:
    assert guest.enumerate(NEXT_COMPOUND) == [MATRIX]


def test_both_flags_walk_everything(guest: ControlGuest) -> None:
    everything = guest.enumerate(NEXT_CTRL | NEXT_COMPOUND)
    assert everything == sorted([*guest.enumerate(NEXT_CTRL), MATRIX])


def test_next_goes_on_from_an_id_that_is_none(guest: ControlGuest) -> None:
    assert guest.query((Cid.BRIGHTNESS + 1) | NEXT_CTRL).id == Cid.DO_WHITE_BALANCE


def test_old_private_ids_count_the_drivers_own_simple_user_controls(guest: ControlGuest) -> None:
    first, second = guest.query(0x08000000), guest.query(0x08000001)
    assert (first.id, first.name) == (0x08000000, b"Mask")
    assert (second.id, second.name) == (0x08000001, b"Second")
    assert errno_of(guest, 0x08000002) == EINVAL
    assert guest.query_old(0x08000001)[0] == 0x08000001


def test_old_private_ids_reach_the_value(guest: ControlGuest) -> None:
    guest.set(0x08000001, 1)
    assert (guest.get(0x08000001), guest.get(SECOND)) == (1, 1)


def test_a_menu_lists_its_items(guest: ControlGuest) -> None:
    assert guest.menu_item(Cid.POWER_LINE_FREQUENCY, 2).rstrip(b"\0") == b"60 Hz"


def test_an_integer_menu_lists_64_bit_numbers(guest: ControlGuest) -> None:
    assert guest.menu_item(Cid.LINK_FREQ, 0)[:8] == (1 << 40).to_bytes(8, "little")
    assert guest.menu_item(Cid.LINK_FREQ, 1)[:8] == (-7).to_bytes(8, "little", signed=True)


@pytest.mark.parametrize(
    ("cid", "index"),
    [
        (Cid.POWER_LINE_FREQUENCY, 1),
        (Cid.POWER_LINE_FREQUENCY, 3),
        (Cid.POWER_LINE_FREQUENCY, 0xFFFFFFFF),
        (Cid.BRIGHTNESS, 0),
        (Cid.USER_CLASS, 0),
        (Cid.CONTRAST, 0),
    ],
)
def test_no_such_menu_item_is_einval(guest: ControlGuest, cid: int, index: int) -> None:
    with pytest.raises(V4l2Error) as caught:
        guest.menu_item(cid, index)
    assert caught.value.errno == EINVAL


def test_items_below_a_menus_minimum_are_not_there() -> None:
    guest = ControlGuest(
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", "50 Hz"], 1, minimum=1)
    )
    with pytest.raises(V4l2Error):
        guest.menu_item(Cid.POWER_LINE_FREQUENCY, 0)


@pytest.mark.parametrize("number", sorted(CONTROL_IOCTLS))
def test_without_any_control_there_are_no_control_ioctls(number: int) -> None:
    with pytest.raises(V4l2Error) as caught:
        handle(ControlGuest().handler, number, SESSION, bytearray(256), ())
    assert caught.value.errno == ENOTTY


@pytest.mark.parametrize("number", sorted(CONTROL_IOCTLS))
def test_a_short_argument_is_einval(guest: ControlGuest, number: int) -> None:
    with pytest.raises(V4l2Error) as caught:
        handle(guest.handler, number, SESSION, bytearray(7), ())
    assert caught.value.errno == EINVAL


def test_other_ioctls_are_enotty(guest: ControlGuest) -> None:
    with pytest.raises(V4l2Error) as caught:
        handle(guest.handler, 15, SESSION, bytearray(88), ())
    assert caught.value.errno == ENOTTY
