"""Clusters: what is set together, and automatic modes that take controls over."""

from errno import EIO

import pytest

from tests.v4l2.control_guest import GET, SESSION, SET, TRY, ControlGuest, Item
from vmedia_bench.v4l2.control_spec import ControlSpec, auto_cluster, cluster
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, EventCtrlChange

AUTO_ON = Item(Cid.AUTOGAIN, 1)
AUTO_OFF = Item(Cid.AUTOGAIN, 0)
GAIN_80 = Item(Cid.GAIN, 80)
HIDDEN = CtrlFlag.INACTIVE | CtrlFlag.VOLATILE
VALUE, FLAGS = EventCtrlChange.VALUE, EventCtrlChange.FLAGS


@pytest.fixture
def guest() -> ControlGuest:
    guest = ControlGuest(
        *auto_cluster(
            ControlSpec.boolean(Cid.AUTOGAIN, True),
            ControlSpec.integer(Cid.GAIN, 0, 100, default=50, volatile=True),
        ),
        *auto_cluster(
            ControlSpec.menu(Cid.EXPOSURE_AUTO, ["Auto", "Manual"], 1),
            ControlSpec.integer(Cid.EXPOSURE_ABSOLUTE, 1, 100, default=10),
            manual_value=1,
        ),
        *cluster(ControlSpec.boolean(Cid.HFLIP), ControlSpec.boolean(Cid.VFLIP)),
    )
    guest.readings[Cid.GAIN] = 33
    return guest


def flags(guest: ControlGuest, cid: int) -> int:
    return guest.query(cid).flags & HIDDEN


def test_in_automatic_mode_the_follower_is_inactive_and_volatile(guest: ControlGuest) -> None:
    assert flags(guest, Cid.GAIN) == HIDDEN
    assert guest.get(Cid.GAIN) == 33
    assert guest.query(Cid.AUTOGAIN).flags & CtrlFlag.UPDATE


def test_in_manual_mode_the_follower_is_neither(guest: ControlGuest) -> None:
    assert flags(guest, Cid.EXPOSURE_ABSOLUTE) == 0


def test_a_follower_that_is_not_volatile_only_becomes_inactive(guest: ControlGuest) -> None:
    guest.set(Cid.EXPOSURE_AUTO, 0)
    assert flags(guest, Cid.EXPOSURE_ABSOLUTE) == CtrlFlag.INACTIVE


def test_switching_to_manual_keeps_what_the_follower_showed(guest: ControlGuest) -> None:
    guest.set(Cid.AUTOGAIN, 0)
    guest.readings.clear()
    assert (flags(guest, Cid.GAIN), guest.get(Cid.GAIN)) == (0, 33)
    assert guest.applied == [(Cid.AUTOGAIN, 0), (Cid.GAIN, 33)]


def test_switching_to_manual_with_a_value_takes_that_value(guest: ControlGuest) -> None:
    for batch in ((AUTO_OFF, GAIN_80), (GAIN_80, AUTO_OFF)):
        guest.set(Cid.AUTOGAIN, 1)
        assert guest.batch(SET, *batch).errno == 0
        assert guest.get(Cid.GAIN) == 80


def test_switching_back_to_automatic_hides_the_follower_again(guest: ControlGuest) -> None:
    guest.batch(SET, AUTO_OFF, GAIN_80)
    guest.set(Cid.AUTOGAIN, 1)
    assert (flags(guest, Cid.GAIN), guest.get(Cid.GAIN)) == (HIDDEN, 33)


def test_a_follower_set_in_automatic_mode_keeps_what_it_showed(guest: ControlGuest) -> None:
    answer = guest.batch(SET, GAIN_80)
    assert (answer.errno, guest.get(Cid.GAIN), guest.applied) == (0, 33, [])


def test_a_try_does_not_switch_modes(guest: ControlGuest) -> None:
    assert guest.batch(TRY, AUTO_OFF, GAIN_80).values == [0, 80]
    assert flags(guest, Cid.GAIN) == HIDDEN


def test_defaults_of_a_volatile_follower_are_its_defaults(guest: ControlGuest) -> None:
    assert guest.batch(GET, Item(Cid.GAIN), which=0x0F000000).values == [50]


def test_a_switch_tells_everybody_of_the_followers_flags(guest: ControlGuest) -> None:
    guest.set(Cid.AUTOGAIN, 0)
    told = [(event.originator, event.cid, event.changes) for event in guest.events]
    assert told == [(SESSION, Cid.AUTOGAIN, VALUE), (None, Cid.GAIN, VALUE | FLAGS)]
    assert guest.events[1].value == 33
    assert not guest.events[1].flags & HIDDEN


def test_a_switch_to_automatic_changes_only_the_followers_flags(guest: ControlGuest) -> None:
    guest.set(Cid.AUTOGAIN, 0)
    guest.events.clear()
    guest.set(Cid.AUTOGAIN, 1)
    assert [event.changes for event in guest.events] == [VALUE, FLAGS]
    assert guest.events[1].flags & HIDDEN == HIDDEN


def test_a_switch_that_cannot_read_the_follower_changes_nothing(guest: ControlGuest) -> None:
    guest.readings[Cid.GAIN] = "loud"
    answer = guest.batch(SET, AUTO_OFF)
    assert (answer.errno, answer.error_idx) == (EIO, 0)
    assert (guest.get(Cid.AUTOGAIN), guest.events) == (1, [])


def test_a_cluster_whose_source_refuses_one_part_stores_none(guest: ControlGuest) -> None:
    guest.refusals[Cid.VFLIP] = EIO
    answer = guest.batch(SET, Item(Cid.HFLIP, 1), Item(Cid.VFLIP, 1))
    assert (answer.errno, answer.error_idx) == (EIO, 0)
    assert (guest.get(Cid.HFLIP), guest.get(Cid.VFLIP), guest.events) == (0, 0, [])


def test_a_plain_cluster_hides_nothing_and_is_applied_leader_first(guest: ControlGuest) -> None:
    guest.batch(SET, Item(Cid.VFLIP, 1), Item(Cid.HFLIP, 1))
    assert flags(guest, Cid.VFLIP) == 0
    assert guest.applied == [(Cid.HFLIP, 1), (Cid.VFLIP, 1)]


def test_a_menu_leads_as_well(guest: ControlGuest) -> None:
    guest.set(Cid.EXPOSURE_AUTO, 0)
    guest.batch(SET, Item(Cid.EXPOSURE_AUTO, 1), Item(Cid.EXPOSURE_ABSOLUTE, 20))
    assert guest.get(Cid.EXPOSURE_ABSOLUTE) == 20
