"""Controls over the wire: values, events to other sessions, and what they do to the picture."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import CAPTURE, driver_of, session_of, streaming
from vmedia_bench.guest.control_calls import ControlInfo
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.events import V4l2Event
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import EVENT_CTRL
from vmedia_bench.wire.v4l2 import (
    CtrlFlag,
    CtrlType,
    EventCtrlChange,
    EventSubFlag,
    EventType,
    fourcc,
)

BRIGHTNESS, CONTRAST = int(Cid.BRIGHTNESS), int(Cid.CONTRAST)
AUTOGAIN, GAIN = int(Cid.AUTOGAIN), int(Cid.GAIN)
CTRL = int(EventType.CTRL)
SEND_INITIAL = int(EventSubFlag.SEND_INITIAL)
FEEDBACK = int(EventSubFlag.ALLOW_FEEDBACK)
FIXED = CtrlFlag.READ_ONLY | CtrlFlag.DISABLED | CtrlFlag.INACTIVE | CtrlFlag.VOLATILE


@pytest.fixture
def driver(camera: Bench) -> Iterator[Driver]:
    """A driver; every control is back at its default afterwards, as controls outlive guests."""
    with driver_of(camera) as driver:
        yield driver
        with driver.open() as session:
            for info in settable(session):
                session.set_control(info, info.default)
            session.set_control(AUTOGAIN, 1)


def settable(session: Session) -> list[ControlInfo]:
    return [
        info
        for info in session.controls()
        if info.type != CtrlType.CTRL_CLASS and not info.flags & FIXED
    ]


def changes(event: V4l2Event) -> tuple[int, int, int]:
    """What changed, the value, the flags."""
    what, _type, value, flags, *_ = EVENT_CTRL.unpack_from(event.payload)
    return int(what), int(value), int(flags)


def test_every_control_keeps_what_it_is_set_to(driver: Driver) -> None:
    with driver.open() as session, driver.open() as onlooker:
        controls = settable(session)
        assert {info.type for info in controls} >= {
            CtrlType.INTEGER,
            CtrlType.BOOLEAN,
            CtrlType.MENU,
        }
        for info in controls:
            for value in (info.minimum, info.maximum, info.default):
                assert session.set_control(info, value) == value
                assert onlooker.get_control(info) == value


def test_values_are_clamped_and_unknown_controls_refused(driver: Driver) -> None:
    with driver.open() as session:
        assert session.set_control(BRIGHTNESS, 70_000) == 255
        assert session.set_control(BRIGHTNESS, -1) == 0
        for ask in (
            lambda: session.get_control(ControlInfo(1, 1, "", 0, 0, 0, 0, 0, 4, 1, ())),
            lambda: session.control_info(0x980901 + 0x5000),
        ):
            with pytest.raises(GuestIoctlError) as refusal:
                ask()
            assert refusal.value.errno_name == "EINVAL"


def test_a_change_is_an_event_to_the_other_sessions_only(driver: Driver) -> None:
    with driver.open() as setter, driver.open() as told, driver.open() as deaf:
        setter.subscribe(CTRL, BRIGHTNESS)
        told.subscribe(CTRL, BRIGHTNESS)
        deaf.subscribe(CTRL, CONTRAST)
        setter.set_control(BRIGHTNESS, 99)
        # The event was written before the answer to S_EXT_CTRLS.
        assert [changes(event)[:2] for event in told.events] == [(EventCtrlChange.VALUE, 99)]
        assert told.events[0].id == BRIGHTNESS
        assert not setter.events
        assert not deaf.events
        told.events.clear()
        setter.set_control(BRIGHTNESS, 99)
        told.unsubscribe(CTRL, BRIGHTNESS)
        setter.set_control(BRIGHTNESS, 98)
        assert not told.events


def test_feedback_reaches_the_setter(driver: Driver) -> None:
    with driver.open() as session:
        session.subscribe(CTRL, BRIGHTNESS, FEEDBACK)
        session.set_control(BRIGHTNESS, 5)
        assert [changes(event)[1] for event in session.events] == [5]


@pytest.mark.parametrize("order", ["qemu", "crosvm", "libkrun"])
def test_the_initial_event_is_there_before_the_answer(camera: Bench, order: str) -> None:
    with session_of(camera, order=order) as session:
        infos = settable(session)
        for info in infos:
            session.subscribe(CTRL, info.id, SEND_INITIAL)
            event = session.events.pop()
            assert (event.type, event.id) == (CTRL, info.id)
            assert changes(event)[1] == session.get_control(info)
            assert changes(event)[0] & EventCtrlChange.VALUE
        assert not session.events


def test_more_initial_events_than_event_buffers_wait_in_order(driver: Driver) -> None:
    few = Driver(driver.vmm, event_buffers=1)
    with few.open() as session:
        infos = settable(session)
        for info in infos:
            session.subscribe(CTRL, info.id, SEND_INITIAL)
        while len(session.events) < len(infos):
            assert few.wait_event(5)
        assert [event.id for event in session.events] == [info.id for info in infos]


def test_autogain_changes_the_flags_of_gain(driver: Driver) -> None:
    with driver.open() as setter, driver.open() as told:
        assert setter.control_info(GAIN).flags & CtrlFlag.INACTIVE
        told.subscribe(CTRL, GAIN)
        setter.set_control(AUTOGAIN, 0)
        what, _, flags = changes(told.events.pop())
        assert what & EventCtrlChange.FLAGS
        assert not flags & CtrlFlag.INACTIVE
        assert setter.set_control(GAIN, 33) == 33
        assert changes(told.events.pop())[:2] == (EventCtrlChange.VALUE, 33)
        setter.set_control(AUTOGAIN, 1)
        what, _, flags = changes(told.events.pop())
        assert what & EventCtrlChange.FLAGS
        assert flags & CtrlFlag.INACTIVE


def test_brightness_changes_the_pixels_of_later_frames(driver: Driver) -> None:
    with driver.open() as session, driver.open() as knob:
        session.set_format(VideoFormat(CAPTURE, 160, 120, fourcc("RGB3")))
        with streaming(session, count=2) as stream:
            before = next(stream.frames(1)).planes[0][0]
            assert before == 191
            knob.set_control(BRIGHTNESS, 128 + 50)
            # Frames that were made before the change are still on their way.
            levels = [frame.planes[0][0] for frame in stream.frames(6)]
            assert levels[-1] == before + 50
            knob.set_control(BRIGHTNESS, 128)
            assert [frame.planes[0][0] for frame in stream.frames(6)][-1] == before


def test_controls_of_a_streaming_session_can_be_read_by_all(driver: Driver) -> None:
    with driver.open() as session, driver.open() as other, streaming(session) as stream:
        for _ in stream.frames(50):
            gain = other.get_control(GAIN)
            assert isinstance(gain, int)
            assert 0 <= gain <= 255
