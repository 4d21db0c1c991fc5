"""Events: who subscribes to what, and what each subscriber is sent."""

from errno import EINVAL, ENOMEM

import pytest

from tests.v4l2.rig import OUTPUT, YUYV_DESC, Camera, EventView, Guest, Rig, refused
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.v4l2.events import MAX_SUBSCRIPTIONS
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import CONTROL, EVENT_CTRL, EVENT_FRAME_SYNC, EVENT_SRC_CHANGE
from vmedia_bench.wire.v4l2 import EventCtrlChange, EventSubFlag, EventType, SrcChange

ALL = int(EventType.ALL)
CTRL = int(EventType.CTRL)
EOS = int(EventType.EOS)
FRAME_SYNC = int(EventType.FRAME_SYNC)
SOURCE_CHANGE = int(EventType.SOURCE_CHANGE)
SEND_INITIAL = int(EventSubFlag.SEND_INITIAL)
FEEDBACK = int(EventSubFlag.ALLOW_FEEDBACK)
BRIGHTNESS = int(Cid.BRIGHTNESS)


@pytest.fixture
def camera() -> Camera:
    source = Camera()
    source.controls = (ControlSpec.integer(Cid.BRIGHTNESS, 0, 255, default=7),)
    return source


@pytest.fixture
def guest(camera: Camera) -> Guest:
    return Rig(camera).open()


def sent(guest: Guest) -> list[EventView]:
    return [event for session, event in guest.rig.sink.events if session == guest.id]


def set_brightness(guest: Guest, value: int) -> None:
    guest.ioctl(ioctls.VIDIOC_S_CTRL, CONTROL.pack(BRIGHTNESS, value))


def announce(guest: Guest) -> None:
    source = guest.rig.source
    assert isinstance(source, Camera)
    assert source.host is not None
    source.host.end_of_stream()


# Subscribing


@pytest.mark.parametrize("kind", [ALL, 99, EventType.VSYNC, EventType.MOTION_DET, 0x08000000])
def test_what_we_never_send_cannot_be_subscribed_to(guest: Guest, kind: int) -> None:
    with refused(EINVAL):
        guest.subscribe(int(kind))


def test_a_control_that_is_none_cannot_be_subscribed_to(guest: Guest) -> None:
    for cid in (0, BRIGHTNESS + 1, 0xFFFFFFFF):
        with refused(EINVAL):
            guest.subscribe(CTRL, cid)


def test_a_display_has_no_source_to_change() -> None:
    with refused(EINVAL):
        Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open().subscribe(SOURCE_CHANGE)


def test_subscriptions_are_bounded(guest: Guest) -> None:
    for number in range(MAX_SUBSCRIPTIONS):
        guest.subscribe(EOS, number)
    with refused(ENOMEM):
        guest.subscribe(EOS, MAX_SUBSCRIPTIONS)
    guest.subscribe(EOS, 0)
    guest.rig.open().subscribe(EOS)


def test_only_subscribers_are_told(guest: Guest) -> None:
    other = guest.rig.open()
    guest.subscribe(EOS)
    announce(guest)
    assert [event.type for event in sent(guest)] == [EOS]
    assert not sent(other)


def test_subscribing_twice_is_once(guest: Guest) -> None:
    guest.subscribe(EOS)
    guest.subscribe(EOS)
    announce(guest)
    assert len(sent(guest)) == 1


def test_an_id_is_part_of_what_is_subscribed_to(guest: Guest) -> None:
    guest.subscribe(EOS, 5)
    announce(guest)
    assert not sent(guest)


@pytest.mark.parametrize("kind", [EOS, ALL])
def test_unsubscribing_ends_it(guest: Guest, kind: int) -> None:
    guest.subscribe(EOS)
    guest.unsubscribe(kind)
    announce(guest)
    assert not sent(guest)


def test_unsubscribing_from_what_was_not_subscribed_is_no_error(guest: Guest) -> None:
    guest.unsubscribe(EOS)
    guest.subscribe(CTRL, BRIGHTNESS)
    guest.unsubscribe(77, 77)


def test_closing_ends_the_subscriptions(guest: Guest) -> None:
    guest.subscribe(EOS)
    guest.close()
    announce(guest)
    assert not sent(guest)


# What is sent


def test_sequence_and_timestamp_are_the_sessions_own(guest: Guest) -> None:
    other = guest.rig.open()
    guest.subscribe(EOS)
    announce(guest)
    other.subscribe(EOS)
    guest.rig.now = 5_000_000_006
    announce(guest)
    assert [event.sequence for event in sent(guest)] == [0, 1]
    assert [event.sequence for event in sent(other)] == [0]
    assert (sent(other)[0].tv_sec, sent(other)[0].tv_nsec, sent(other)[0].pending) == (5, 6, 0)


def test_a_source_change_says_what_changed(guest: Guest, camera: Camera) -> None:
    guest.subscribe(SOURCE_CHANGE)
    assert camera.host is not None
    camera.host.source_changed(int(SrcChange.RESOLUTION))
    assert EVENT_SRC_CHANGE.unpack_from(sent(guest)[0].union) == (SrcChange.RESOLUTION,)


def test_frame_sync_is_sent_for_every_frame_even_a_dropped_one(guest: Guest) -> None:
    guest.subscribe(FRAME_SYNC)
    guest.stream(2)
    guest.rig.run(3)
    assert [EVENT_FRAME_SYNC.unpack_from(event.union) for event in sent(guest)] == [
        (0,),
        (1,),
        (2,),
    ]
    assert len(guest.rig.sink.dqbufs) == 2


# Controls


def test_send_initial_tells_the_present_state_before_subscribe_returns(guest: Guest) -> None:
    guest.subscribe(CTRL, BRIGHTNESS, SEND_INITIAL)
    (event,) = sent(guest)
    changes, _, value, *_ = EVENT_CTRL.unpack_from(event.union)
    assert (event.type, event.id, value) == (CTRL, BRIGHTNESS, 7)
    assert changes == EventCtrlChange.VALUE | EventCtrlChange.FLAGS


def test_subscribing_again_does_not_send_initial_again(guest: Guest) -> None:
    guest.subscribe(CTRL, BRIGHTNESS, SEND_INITIAL)
    guest.subscribe(CTRL, BRIGHTNESS, SEND_INITIAL)
    assert len(sent(guest)) == 1


def test_a_class_title_has_nothing_to_send_initially(guest: Guest) -> None:
    guest.subscribe(CTRL, (BRIGHTNESS & 0x0FFF0000) | 1, SEND_INITIAL)
    assert not sent(guest)


def test_a_session_is_not_told_of_what_it_set_itself(guest: Guest) -> None:
    other = guest.rig.open()
    for session in (guest, other):
        session.subscribe(CTRL, BRIGHTNESS)
    set_brightness(guest, 9)
    assert not sent(guest)
    assert [event.id for event in sent(other)] == [BRIGHTNESS]


def test_a_session_that_allows_feedback_is_told(guest: Guest) -> None:
    guest.subscribe(CTRL, BRIGHTNESS, FEEDBACK)
    set_brightness(guest, 9)
    assert EVENT_CTRL.unpack_from(sent(guest)[0].union)[2] == 9


def test_everybody_is_told_of_what_the_source_changed(guest: Guest, camera: Camera) -> None:
    guest.subscribe(CTRL, BRIGHTNESS)
    assert camera.host is not None
    camera.host.control_changed(BRIGHTNESS, 200)
    assert EVENT_CTRL.unpack_from(sent(guest)[0].union)[2] == 200
