"""G/S/TRY_EXT_CTRLS: which, count, error_idx, payloads, and that a set is all or nothing."""

from errno import EACCES, EBUSY, EFAULT, EINVAL, EIO, ENOSPC, ERANGE

import pytest

from tests.v4l2.control_guest import GET, SET, TRY, ControlGuest, Item, Payload
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlClass, CtrlFlag, CtrlType, CtrlWhich

PRIVATE = 0x00981900
TEXT = PRIVATE + 1
BIG = PRIVATE + 2
MATRIX = PRIVATE + 3
ANGLES = PRIVATE + 4

BRIGHT = Item(Cid.BRIGHTNESS, 10)
EXPOSE = Item(Cid.EXPOSURE_ABSOLUTE, 500)
NO_MENU_ITEM = Item(Cid.POWER_LINE_FREQUENCY, 3)
EVERY = pytest.mark.parametrize("number", [GET, SET, TRY])
WRITING = pytest.mark.parametrize("number", [SET, TRY])


@pytest.fixture
def guest() -> ControlGuest:
    return ControlGuest(
        ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, 1, 120),
        ControlSpec.integer(Cid.EXPOSURE_ABSOLUTE, 1, 10000, 1, 100),
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", None, "60 Hz"], 2),
        ControlSpec.button(Cid.DO_WHITE_BALANCE),
        ControlSpec.boolean(Cid.PRIVACY, flags=CtrlFlag.READ_ONLY),
        ControlSpec.integer(Cid.GAMMA, 0, 9, flags=CtrlFlag.DISABLED),
        ControlSpec.string(TEXT, 2, 8, 2, name="Label"),
        ControlSpec.integer64(BIG, -(1 << 40), 1 << 40, 4, 0, name="Big"),
        ControlSpec.array(
            MATRIX, CtrlType.U16, (2, 2), minimum=1, maximum=99, default=7, name="Matrix"
        ),
        ControlSpec.integer(ANGLES, -180, 180, dims=(3,), name="Angles"),
    )


# which and count


@EVERY
def test_no_controls_and_no_class_is_no_error(guest: ControlGuest, number: int) -> None:
    answer = guest.batch(number)
    assert (answer.errno, answer.error_idx, answer.which) == (0, 0, 0)
    assert answer.arg[16:24] == bytes(8)


@EVERY
def test_count_zero_asks_for_a_class(guest: ControlGuest, number: int) -> None:
    assert guest.batch(number, which=CtrlClass.CAMERA).errno == 0
    assert guest.batch(number, which=CtrlClass.FLASH).errno == EINVAL


@EVERY
def test_a_class_takes_only_its_own_controls(guest: ControlGuest, number: int) -> None:
    assert guest.batch(number, BRIGHT, which=CtrlClass.USER).errno == 0
    mixed = guest.batch(number, BRIGHT, EXPOSE, which=CtrlClass.USER)
    assert (mixed.errno, mixed.error_idx) == (EINVAL, 1 if number == TRY else 2)


@EVERY
def test_without_a_class_they_may_be_mixed(guest: ControlGuest, number: int) -> None:
    assert guest.batch(number, BRIGHT, EXPOSE).errno == 0


def test_which_comes_back_as_a_class(guest: ControlGuest) -> None:
    assert guest.batch(GET, BRIGHT, which=CtrlClass.USER | 0x900).which == CtrlClass.USER


def test_default_values_can_be_read(guest: ControlGuest) -> None:
    guest.set(Cid.BRIGHTNESS, 3)
    matrix = Payload(bytes(8))
    label = Payload(bytes(9))
    items = (Item(Cid.BRIGHTNESS), Item(MATRIX, payload=matrix), Item(TEXT, payload=label))
    answer = guest.batch(GET, *items, which=CtrlWhich.DEF_VAL)
    assert (answer.errno, answer.values[0]) == (0, 120)
    assert matrix.data == b"\7\0" * 4
    assert label.data[:3] == b"  \0"


@WRITING
@pytest.mark.parametrize("which", [CtrlWhich.DEF_VAL, CtrlWhich.MIN_VAL, CtrlWhich.MAX_VAL])
def test_fixed_values_cannot_be_set(guest: ControlGuest, number: int, which: int) -> None:
    answer = guest.batch(number, BRIGHT, which=which)
    assert (answer.errno, answer.error_idx) == (EINVAL, 1)


@pytest.mark.parametrize("which", [CtrlWhich.MIN_VAL, CtrlWhich.MAX_VAL])
def test_minima_and_maxima_are_for_controls_that_offer_them(
    guest: ControlGuest, which: int
) -> None:
    assert guest.batch(GET, BRIGHT, which=which).errno == EINVAL


@EVERY
def test_requests_are_not_taken(guest: ControlGuest, number: int) -> None:
    answer = guest.batch(number, BRIGHT, which=CtrlWhich.REQUEST_VAL)
    assert (answer.errno, answer.error_idx) == (EINVAL, 1)


@EVERY
@pytest.mark.parametrize("count", [2, 1 << 20, 0xFFFFFFFF])
def test_a_count_larger_than_the_array_is_einval(
    guest: ControlGuest, number: int, count: int
) -> None:
    assert guest.batch(number, BRIGHT, count=count).errno == EINVAL
    assert guest.get(Cid.BRIGHTNESS) == 120


# error_idx


@EVERY
@pytest.mark.parametrize("cid", [0, Cid.CONTRAST, 0x08000000, Cid.GAMMA])
def test_an_unknown_old_style_or_disabled_control_is_einval(
    guest: ControlGuest, number: int, cid: int
) -> None:
    answer = guest.batch(number, BRIGHT, Item(cid))
    assert (answer.errno, answer.error_idx) == (EINVAL, 1 if number == TRY else 2)


def test_reading_a_write_only_control_is_eacces_before_any_is_read(guest: ControlGuest) -> None:
    answer = guest.batch(GET, Item(Cid.BRIGHTNESS), Item(Cid.DO_WHITE_BALANCE))
    assert (answer.errno, answer.error_idx, answer.values[0]) == (EACCES, 2, 0)


@WRITING
def test_writing_a_read_only_control_is_eacces(guest: ControlGuest, number: int) -> None:
    answer = guest.batch(number, BRIGHT, Item(Cid.PRIVACY, 1))
    assert (answer.errno, answer.error_idx) == (EACCES, 1 if number == TRY else 2)
    assert guest.get(Cid.BRIGHTNESS) == 120


def test_a_grabbed_control_can_be_tried_but_not_set(guest: ControlGuest) -> None:
    guest.handler.grab(Cid.EXPOSURE_ABSOLUTE, True)
    refused = guest.batch(SET, BRIGHT, EXPOSE)
    assert (refused.errno, refused.error_idx) == (EBUSY, 2)
    assert guest.batch(TRY, BRIGHT, EXPOSE).errno == 0


def test_one_bad_value_fails_a_set_before_any_is_changed(guest: ControlGuest) -> None:
    answer = guest.batch(SET, BRIGHT, NO_MENU_ITEM, EXPOSE)
    assert (answer.errno, answer.error_idx) == (ERANGE, 3)
    assert (guest.applied, guest.events) == ([], [])
    assert guest.get(Cid.BRIGHTNESS) == 120


def test_a_try_points_at_the_bad_value(guest: ControlGuest) -> None:
    answer = guest.batch(TRY, BRIGHT, NO_MENU_ITEM, EXPOSE)
    assert (answer.errno, answer.error_idx) == (ERANGE, 1)


def test_a_bad_payload_too_fails_a_set_before_any_is_changed(guest: ControlGuest) -> None:
    answer = guest.batch(SET, BRIGHT, Item(TEXT, payload=Payload(b"odd\0")))
    assert (answer.errno, answer.error_idx) == (ERANGE, 2)
    assert guest.get(Cid.BRIGHTNESS) == 120


def test_a_source_that_refuses_leaves_those_before_it_set(guest: ControlGuest) -> None:
    guest.refusals[Cid.EXPOSURE_ABSOLUTE] = EIO
    answer = guest.batch(SET, BRIGHT, EXPOSE, Item(Cid.POWER_LINE_FREQUENCY, 0))
    assert (answer.errno, answer.error_idx) == (EIO, 1)
    values = guest.values()
    assert (values[Cid.BRIGHTNESS], values[Cid.POWER_LINE_FREQUENCY]) == (10, 2)


# values


def test_a_set_gives_the_values_in_force_back(guest: ControlGuest) -> None:
    answer = guest.batch(SET, Item(Cid.BRIGHTNESS, 1000), Item(BIG, 5), Item(Cid.DO_WHITE_BALANCE))
    assert answer.values == [255, 4, 0]


def test_a_try_gives_the_adjusted_values_and_changes_nothing(guest: ControlGuest) -> None:
    answer = guest.batch(TRY, Item(Cid.BRIGHTNESS, 1000), Item(Cid.DO_WHITE_BALANCE))
    assert (answer.errno, answer.values[0]) == (0, 255)
    assert (guest.get(Cid.BRIGHTNESS), guest.applied) == (120, [])


def test_a_32_bit_value_leaves_the_other_half_alone(guest: ControlGuest) -> None:
    high = 0x5A5A5A5A << 32
    assert guest.batch(GET, Item(Cid.BRIGHTNESS, high | 9)).values == [high | 120]


def test_the_other_half_of_a_32_bit_value_is_not_read(guest: ControlGuest) -> None:
    guest.batch(SET, Item(Cid.BRIGHTNESS, (1 << 40) | 77))
    assert guest.get(Cid.BRIGHTNESS) == 77


def test_a_64_bit_value_is_clamped_and_rounded(guest: ControlGuest) -> None:
    assert guest.batch(SET, Item(BIG, -(1 << 63))).values == [-(1 << 40)]
    assert guest.batch(SET, Item(BIG, 6)).values == [8]
    assert guest.batch(GET, Item(BIG)).values == [8]


def test_a_control_named_twice_ends_with_its_last_value(guest: ControlGuest) -> None:
    guest.batch(SET, Item(Cid.BRIGHTNESS, 1), Item(Cid.BRIGHTNESS, 2))
    assert guest.get(Cid.BRIGHTNESS) == 2


# texts


def test_a_text_is_set_and_read_back(guest: ControlGuest) -> None:
    assert guest.set_payload(TEXT, b"left\0").errno == 0
    assert guest.get_text(TEXT) == b"left"
    assert guest.applied == [(TEXT, "left")]


def test_nothing_after_a_texts_terminator_is_touched(guest: ControlGuest) -> None:
    payload = Payload(b"\xee" * 9)
    guest.batch(GET, Item(TEXT, payload=payload))
    assert payload.data == b"  \0" + b"\xee" * 6


def test_a_text_that_does_not_fit_tells_the_size_it_takes(guest: ControlGuest) -> None:
    for payload in (None, Payload(b"??")):
        answer = guest.batch(GET, Item(Cid.BRIGHTNESS), Item(TEXT, 0x1234, payload))
        assert (answer.errno, answer.error_idx) == (ENOSPC, 1)
        assert (answer.sizes[1], answer.values) == (9, [0, 0x1234])


def test_a_text_has_a_size(guest: ControlGuest) -> None:
    assert guest.batch(SET, Item(TEXT)).errno == ERANGE


@pytest.mark.parametrize("text", [b"\0", b"x\0", b"odd\0", b"123456789\0", b"12345678x"])
def test_a_text_of_the_wrong_length_is_erange(guest: ControlGuest, text: bytes) -> None:
    assert guest.set_payload(TEXT, text).errno == ERANGE
    assert guest.get_text(TEXT) == b"  "


def test_the_last_byte_of_a_text_is_its_terminator_whatever_it_is(guest: ControlGuest) -> None:
    assert guest.set_payload(TEXT, b"leftX").errno == 0
    assert guest.get_text(TEXT) == b"left"


def test_a_size_beyond_the_maximum_is_read_no_further(guest: ControlGuest) -> None:
    assert guest.set_payload(TEXT, b"12345678\0" + b"z" * 100).errno == 0
    assert guest.get_text(TEXT) == b"12345678"


def test_a_text_that_is_no_utf_8_is_kept_and_shown_with_a_mark(guest: ControlGuest) -> None:
    guest.set_payload(TEXT, b"\xff\xfe\0")
    assert guest.get_text(TEXT) == b"\xff\xfe"
    assert guest.values()[TEXT] == "\ufffd\ufffd"


# arrays


def test_an_array_is_set_clamped_and_read_back(guest: ControlGuest) -> None:
    payload = Payload(b"\x00\x00\x01\x00\xff\xff\x10\x00")
    assert guest.batch(SET, Item(MATRIX, payload=payload)).errno == 0
    assert payload.data == b"\x01\x00\x01\x00\x63\x00\x10\x00"
    again = Payload(bytes(8))
    guest.batch(GET, Item(MATRIX, payload=again))
    assert again.data == payload.data


def test_an_array_of_signed_numbers_is_clamped_too(guest: ControlGuest) -> None:
    payload = Payload((-500).to_bytes(4, "little", signed=True) * 3)
    guest.batch(SET, Item(ANGLES, payload=payload))
    assert payload.data == (-180).to_bytes(4, "little", signed=True) * 3


def test_an_array_that_does_not_fit_tells_the_size_it_takes(guest: ControlGuest) -> None:
    answer = guest.batch(GET, Item(MATRIX, payload=Payload(bytes(7))))
    assert (answer.errno, answer.error_idx, answer.sizes) == (ENOSPC, 1, [8])


@WRITING
def test_half_an_array_cannot_be_set(guest: ControlGuest, number: int) -> None:
    answer = guest.batch(number, Item(MATRIX, payload=Payload(bytes(7))))
    assert (answer.errno, answer.error_idx) == (EFAULT, 0 if number == TRY else 1)
    assert answer.sizes == [7]


def test_a_size_beyond_the_array_becomes_its_size(guest: ControlGuest) -> None:
    payload = Payload(b"\xee" * 20)
    assert guest.batch(GET, Item(MATRIX, payload=payload)).sizes == [8]
    assert payload.data[8:] == b"\xee" * 12


# guest memory


@EVERY
@pytest.mark.parametrize("cid", [TEXT, MATRIX])
@pytest.mark.parametrize("payload", [None, Payload(b"")])
def test_a_size_without_memory_is_efault(
    guest: ControlGuest, number: int, cid: int, payload: Payload | None
) -> None:
    answer = guest.batch(number, BRIGHT, Item(cid, payload=payload, size=64))
    assert (answer.errno, answer.error_idx) == (EFAULT, 2 if number == SET else 1)
    assert guest.get(Cid.BRIGHTNESS) == 120


@pytest.mark.parametrize("cid", [TEXT, MATRIX])
def test_memory_that_cannot_be_reached_is_efault(guest: ControlGuest, cid: int) -> None:
    for number in (GET, SET, TRY):
        broken = Payload(bytes(64), broken=True)
        answer = guest.batch(number, BRIGHT, Item(cid, payload=broken))
        assert (answer.errno, answer.error_idx) == (EFAULT, 2 if number == SET else 1)
    assert guest.get(Cid.BRIGHTNESS) == 120


def test_no_payload_is_written_when_a_later_control_cannot_be_read(guest: ControlGuest) -> None:
    label = Payload(b"\xee" * 9)
    answer = guest.batch(GET, Item(TEXT, payload=label), Item(TEXT, payload=Payload(b"")))
    assert (answer.errno, answer.error_idx) == (ENOSPC, 1)
    assert label.writes == 0


def test_the_pointer_of_a_payload_comes_back_untouched(guest: ControlGuest) -> None:
    pointer = 0x7FFF_0000_1234
    answer = guest.batch(SET, Item(TEXT, pointer, Payload(b"left\0")))
    assert (answer.errno, answer.values) == (0, [pointer])
