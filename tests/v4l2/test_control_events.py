"""V4L2_EVENT_CTRL: what it says, whom it comes from; and what operators and sources change."""

from errno import EBUSY, EINVAL, ERANGE

import pytest

from tests.v4l2.control_guest import SESSION, SET, TRY, ControlGuest, Event, Item
from vmedia_bench.v4l2.control_spec import ControlSpec, auto_cluster
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import EVENT, EVENT_CTRL
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType, EventCtrlChange

PRIVATE = 0x00981900
TEXT = PRIVATE + 1
MATRIX = PRIVATE + 2
VALUE, FLAGS, RANGE = EventCtrlChange.VALUE, EventCtrlChange.FLAGS, EventCtrlChange.RANGE


@pytest.fixture
def guest() -> ControlGuest:
    guest = ControlGuest(
        ControlSpec.integer(Cid.CONTRAST, -50, 50, 10, 0),
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", "50 Hz", "60 Hz"], 2),
        ControlSpec.button(Cid.DO_WHITE_BALANCE),
        ControlSpec.boolean(Cid.PRIVACY, flags=CtrlFlag.READ_ONLY),
        ControlSpec.bitmask(PRIVATE, 0xF0000001, name="Mask"),
        ControlSpec.string(TEXT, 0, 8, name="Label"),
        ControlSpec.array(MATRIX, CtrlType.U8, (2,), minimum=0, maximum=9, name="Matrix"),
        *auto_cluster(
            ControlSpec.boolean(Cid.AUTOGAIN, True),
            ControlSpec.integer(Cid.GAIN, 0, 100, default=50, volatile=True),
        ),
    )
    guest.readings[Cid.GAIN] = 33
    return guest


def initial_changes(guest: ControlGuest, cid: int) -> int:
    event = guest.handler.initial_event(cid)
    assert event is not None
    changes: int = EVENT_CTRL.unpack_from(EVENT.unpack(event)[1])[0]
    return changes


def test_a_change_is_told_with_value_flags_and_range(guest: ControlGuest) -> None:
    guest.set(Cid.CONTRAST, -20)
    assert guest.events == [
        Event(SESSION, Cid.CONTRAST, VALUE, -20, CtrlFlag.SLIDER, (-50, 50, 10, 0))
    ]


def test_a_menus_event_has_step_one(guest: ControlGuest) -> None:
    guest.set(Cid.POWER_LINE_FREQUENCY, 0)
    assert guest.events[0].range == (0, 2, 1, 2)


def test_a_bitmasks_event_has_32_bits_of_the_range(guest: ControlGuest) -> None:
    guest.set(PRIVATE, 1)
    assert guest.events[0].range == (0, 0xF0000001 - (1 << 32), 0, 0)


def test_a_payloads_event_has_no_value(guest: ControlGuest) -> None:
    guest.set_payload(TEXT, b"hello\0")
    guest.set_payload(MATRIX, b"\1\2")
    assert [(event.cid, event.changes, event.value) for event in guest.events] == [
        (TEXT, VALUE, 0),
        (MATRIX, VALUE, 0),
    ]


def test_a_button_is_told_each_time(guest: ControlGuest) -> None:
    guest.set(Cid.DO_WHITE_BALANCE, 0)
    guest.set(Cid.DO_WHITE_BALANCE, 0)
    assert [event.changes for event in guest.events] == [VALUE, VALUE]


def test_a_batch_tells_of_each_control_that_changed(guest: ControlGuest) -> None:
    guest.batch(SET, Item(Cid.CONTRAST, 10), Item(PRIVATE, 0), Item(Cid.POWER_LINE_FREQUENCY, 1))
    assert [event.cid for event in guest.events] == [Cid.CONTRAST, Cid.POWER_LINE_FREQUENCY]


def test_a_try_tells_nothing(guest: ControlGuest) -> None:
    guest.batch(TRY, Item(Cid.CONTRAST, 10))
    assert guest.events == []


def test_the_initial_event_is_of_value_and_flags(guest: ControlGuest) -> None:
    assert initial_changes(guest, Cid.CONTRAST) == VALUE | FLAGS
    assert initial_changes(guest, Cid.DO_WHITE_BALANCE) == FLAGS


def test_a_class_title_has_no_initial_event(guest: ControlGuest) -> None:
    assert guest.handler.initial_event(Cid.USER_CLASS) is None


def test_an_unknown_control_cannot_be_subscribed(guest: ControlGuest) -> None:
    with pytest.raises(V4l2Error) as caught:
        guest.handler.initial_event(Cid.HUE)
    assert caught.value.errno == EINVAL


# the operator


def test_the_operator_sets_a_value_and_everybody_is_told(guest: ControlGuest) -> None:
    assert guest.handler.set_from_operator(Cid.CONTRAST, 48) == 50
    assert guest.applied == [(Cid.CONTRAST, 50)]
    assert [event.originator for event in guest.events] == [None]


def test_the_operator_sets_a_text_and_an_array(guest: ControlGuest) -> None:
    assert guest.handler.set_from_operator(TEXT, "café") == "café"
    assert guest.get_text(TEXT) == "café".encode()
    assert guest.handler.set_from_operator(MATRIX, b"\x63\x02") == b"\x09\x02"


def test_the_operator_may_change_what_is_read_only_to_the_guest(guest: ControlGuest) -> None:
    guest.handler.set_from_operator(Cid.PRIVACY, 1)
    assert guest.get(Cid.PRIVACY) == 1


def test_the_operator_learns_that_a_volatile_control_did_not_change(guest: ControlGuest) -> None:
    assert guest.handler.set_from_operator(Cid.GAIN, 80) == 33


@pytest.mark.parametrize(
    ("cid", "value", "errno"),
    [
        (Cid.HUE, 1, EINVAL),
        (Cid.USER_CLASS, 0, EINVAL),
        (Cid.CONTRAST, "high", EINVAL),
        (Cid.POWER_LINE_FREQUENCY, 3, ERANGE),
        (TEXT, 5, EINVAL),
        (TEXT, "nine bytes", EINVAL),
        (TEXT, "a\0b", EINVAL),
        (MATRIX, b"\1", EINVAL),
        (MATRIX, 1, EINVAL),
    ],
)
def test_the_operators_mistakes_are_named(
    guest: ControlGuest, cid: int, value: int | str | bytes, errno: int
) -> None:
    with pytest.raises(V4l2Error) as caught:
        guest.handler.set_from_operator(cid, value)
    assert caught.value.errno == errno
    assert caught.value.why
    assert guest.events == []


def test_the_operator_cannot_set_a_grabbed_control(guest: ControlGuest) -> None:
    guest.handler.grab(Cid.CONTRAST, True)
    with pytest.raises(V4l2Error) as caught:
        guest.handler.set_from_operator(Cid.CONTRAST, 1)
    assert caught.value.errno == EBUSY


def test_flags_are_told_when_they_change(guest: ControlGuest) -> None:
    guest.handler.grab(Cid.CONTRAST, True)
    guest.handler.grab(Cid.CONTRAST, True)
    guest.handler.activate(Cid.CONTRAST, False)
    grabbed = CtrlFlag.SLIDER | CtrlFlag.GRABBED
    assert [(event.originator, event.changes, event.flags) for event in guest.events] == [
        (None, FLAGS, grabbed),
        (None, FLAGS, grabbed | CtrlFlag.INACTIVE),
    ]


# the source


def test_a_source_reports_a_value_and_is_not_told_its_own_news(guest: ControlGuest) -> None:
    guest.handler.set_from_source(Cid.PRIVACY, 1)
    assert guest.get(Cid.PRIVACY) == 1
    assert guest.applied == []
    assert [(event.originator, event.value) for event in guest.events] == [(None, 1)]


def test_a_source_that_reports_no_news_tells_nobody(guest: ControlGuest) -> None:
    guest.handler.set_from_source(Cid.CONTRAST, 0)
    assert guest.events == []


def test_a_source_may_leave_the_automatic_mode(guest: ControlGuest) -> None:
    guest.handler.set_from_source(Cid.AUTOGAIN, 0)
    assert not guest.query(Cid.GAIN).flags & CtrlFlag.INACTIVE
    assert [(event.cid, event.changes) for event in guest.events] == [
        (Cid.AUTOGAIN, VALUE),
        (Cid.GAIN, FLAGS),
    ]


# ranges


def test_a_new_range_is_told(guest: ControlGuest) -> None:
    guest.handler.modify_range(Cid.CONTRAST, -20, 100, 20, 20)
    assert [(event.originator, event.changes, event.range) for event in guest.events] == [
        (None, RANGE, (-20, 100, 20, 20))
    ]
    assert guest.query(Cid.CONTRAST).maximum == 100


def test_a_value_out_of_the_new_range_moves_into_it(guest: ControlGuest) -> None:
    guest.handler.modify_range(Cid.CONTRAST, 10, 90, 40, 50)
    assert guest.get(Cid.CONTRAST) == 10
    assert guest.applied == [(Cid.CONTRAST, 10)]
    assert guest.events[0].changes == RANGE | VALUE


def test_a_menu_that_shrinks_falls_back_to_its_default(guest: ControlGuest) -> None:
    guest.handler.modify_range(Cid.POWER_LINE_FREQUENCY, 0, 1, 0, 1)
    assert guest.get(Cid.POWER_LINE_FREQUENCY) == 1


def test_a_source_that_refuses_the_moved_value_keeps_the_old_range(guest: ControlGuest) -> None:
    guest.refusals[Cid.CONTRAST] = EBUSY
    with pytest.raises(V4l2Error):
        guest.handler.modify_range(Cid.CONTRAST, 10, 90, 40, 50)
    assert (guest.get(Cid.CONTRAST), guest.query(Cid.CONTRAST).minimum) == (0, -50)


def test_the_same_range_again_is_no_news(guest: ControlGuest) -> None:
    guest.handler.modify_range(Cid.CONTRAST, -50, 50, 10, 0)
    assert guest.events == []


def test_texts_arrays_and_titles_have_no_range_to_modify(guest: ControlGuest) -> None:
    for cid in (TEXT, MATRIX, Cid.USER_CLASS):
        with pytest.raises(V4l2Error):
            guest.handler.modify_range(cid, 0, 1, 1, 0)


def test_an_unsound_range_is_the_callers_mistake(guest: ControlGuest) -> None:
    with pytest.raises(ValueError, match="range"):
        guest.handler.modify_range(Cid.CONTRAST, 5, 1, 1, 1)
    assert guest.query(Cid.CONTRAST).minimum == -50


# listing


def test_a_snapshot_lists_everything_by_id(guest: ControlGuest) -> None:
    states = guest.handler.snapshot()
    assert [state.cid for state in states] == sorted(state.cid for state in states)
    by_cid = {state.cid: state for state in states}
    assert by_cid[Cid.GAIN].value == 33
    assert by_cid[Cid.DO_WHITE_BALANCE].value is None
    assert by_cid[Cid.USER_CLASS].value is None
    assert by_cid[TEXT].value == ""
    assert by_cid[Cid.POWER_LINE_FREQUENCY].items[1] == "50 Hz"


def test_a_snapshot_survives_a_source_that_cannot_be_read(guest: ControlGuest) -> None:
    guest.readings[Cid.GAIN] = "loud"
    assert guest.values()[Cid.GAIN] == 50


def test_single_values_are_read_by_id(guest: ControlGuest) -> None:
    assert guest.handler.value(Cid.GAIN) == 33
    assert guest.handler.value(MATRIX) == b"\0\0"
