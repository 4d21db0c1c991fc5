"""What a guest sees of rules that act on their own, over a real socket."""

import pytest

from tests.faults.live import CAPTURE, LiveBench, no_frame_comes, streaming
from tests.faults.rig import NOW
from vmedia_bench.faults.errors import SessionNotOpenError
from vmedia_bench.faults.rule import Action, Do, Match, On
from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.events import DqbufEvent, Event
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.trace.record import Kind
from vmedia_bench.wire import media
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.ioctls import VIDIOC_REQBUFS
from vmedia_bench.wire.structs import EVENT_CTRL
from vmedia_bench.wire.v4l2 import EventType


def test_a_session_fails_and_the_others_go_on(bench: LiveBench) -> None:
    with bench.driver() as driver, driver.open() as first, driver.open() as second:
        bench.add(NOW, Action(do=Do.SESSION_ERROR, session=first.id, errno="ENODEV"))
        driver.wait_event(5)
        assert first.error == 19
        with pytest.raises(GuestIoctlError, match="EINVAL"):
            first.ioctl("G_INPUT", bytes(4))
        assert second.get_format(CAPTURE).width == 160
        with pytest.raises(SessionNotOpenError, match=f"open: {second.id}"):
            bench.add(NOW, Action(do=Do.SESSION_ERROR, session=first.id, errno="EIO"))
    assert bench.fired() == [f"EVT_ERROR ENODEV for session {first.id}"]


def test_a_session_fails_while_it_streams(bench: LiveBench) -> None:
    with bench.driver() as driver:
        session = driver.open()
        stream = Stream(session, CAPTURE)
        stream.queue_all()
        stream.stream_on()
        stream.next_frame()
        bench.preset("session-error")
        while not session.error:
            assert driver.wait_event(5)
        with pytest.raises(GuestIoctlError, match="EINVAL"):
            stream.stream_off()
        session.close()
        with driver.open() as other, streaming(other) as good:
            good.next_frame()


def test_source_change_eos_and_control_events_at_will(bench: LiveBench) -> None:
    with bench.session() as session:
        bench.preset("source-change")
        bench.preset("eos")
        bench.add(NOW, Action(do=Do.CONTROL, control="contrast", value="77"))
        change, eos, control = (session.next_event(5) for _ in range(3))
    assert change is not None
    assert (change.type, change.payload[:4]) == (EventType.SOURCE_CHANGE, b"\1\0\0\0")
    assert eos is not None
    assert eos.type == EventType.EOS
    assert control is not None
    assert (control.type, control.id) == (EventType.CTRL, Cid.CONTRAST)
    assert EVENT_CTRL.unpack_from(control.payload)[2] == 77


def test_a_dqbuf_nobody_asked_for(bench: LiveBench) -> None:
    with bench.session() as session:
        action = Action(do=Do.DQBUF, session=session.id, buffer=3, bytesused=9, sequence=8)
        bench.add(NOW, action, crash=True)
        assert session.driver.wait_event(5)
        (buffer,) = session.dqbufs
        assert (buffer.index, buffer.type, buffer.bytesused, buffer.sequence) == (3, 1, 9, 8)


def test_a_stale_dqbuf_follows_the_answer_to_reqbufs(bench: LiveBench) -> None:
    bench.preset("stale-buffer", crash=True)
    seen: list[Event] = []
    with bench.session() as session:
        session.driver.on_event = seen.append
        session.request_buffers(0, CAPTURE, 1)
        while not seen:
            assert session.driver.wait_event(5)
        (event,) = seen
    assert isinstance(event, DqbufEvent)
    assert bench.fired() == ["unasked DQBUF of buffer 0"]
    records = bench.traffic()
    place = [record.kind for record in records].index(Kind.EVENT)
    before = media.CMD_SESSION.unpack_from(records[place - 1].request)
    assert before[2] == VIDIOC_REQBUFS


def test_the_eventq_stands_still_and_goes_on(bench: LiveBench) -> None:
    with bench.session() as session, streaming(session) as stream:
        stream.next_frame()
        state = bench.preset("stop-eventq")
        while not no_frame_comes(stream):
            pass
        session.get_format(CAPTURE)
        bench.remove(state)
        stream.next_frame()


def test_streaming_can_be_stopped_while_the_eventq_stands_still(bench: LiveBench) -> None:
    with bench.session() as session, streaming(session) as stream:
        stream.next_frame()
        state = bench.preset("stop-eventq")
        stream.stream_off()
        bench.remove(state)
        stream.check_silence(0.1)
        assert stream.violations == []


def test_the_commandq_stands_still_and_goes_on(bench: LiveBench) -> None:
    with bench.driver(timeout=0.2) as driver:
        session = driver.open()
        state = bench.preset("stop-commandq", crash=True)
        with pytest.raises(BackendTimeoutError):
            session.get_format(CAPTURE)
        bench.remove(state)
        assert driver.vmm.wait_for(lambda: driver.vmm.commandq.take() is not None, 5)
        driver.vmm.reset()
        with driver.open() as other:
            assert other.get_format(CAPTURE).width == 160


def test_the_commandq_stands_still_for_a_moment(bench: LiveBench) -> None:
    with bench.session() as session:
        bench.add(NOW, Action(do=Do.STOP_RING, ring=0, delay_ms=100))
        assert session.get_format(CAPTURE).width == 160
        (state,) = bench.do(bench.bench.faults.states)
        assert state.spent


def test_the_connection_closes_and_the_next_guest_may_come(bench: LiveBench) -> None:
    with bench.driver() as driver:
        bench.preset("hang-up", crash=True)
        with pytest.raises(BackendError):
            driver.vmm.wait_for(lambda: False, 5)
    with bench.session() as session:
        assert session.get_format(CAPTURE).width == 160


def test_the_connection_closes_after_a_command(bench: LiveBench) -> None:
    match = Match(on=On.COMMAND, ioctl="G_FMT")
    bench.add(match, Action(do=Do.DISCONNECT), count=1, crash=True)
    with bench.driver() as driver:
        session = driver.open()
        assert session.get_format(CAPTURE).width == 160
        with pytest.raises(BackendError):
            driver.vmm.wait_for(lambda: False, 5)


def test_another_config_space_is_announced_and_taken_back(bench: LiveBench) -> None:
    def card(vmm: Vmm) -> bytes:
        text: bytes = media.CONFIG.unpack(vmm.read_config())[2]
        return text.rstrip(b"\0")

    with bench.driver() as driver:
        vmm = driver.vmm
        own = card(vmm)
        state = bench.preset("other-card")
        assert vmm.wait_for(lambda: vmm.config_changes == 1, 5)
        assert card(vmm) == b"Faulty Camera"
        bench.remove(state)
        assert vmm.wait_for(lambda: vmm.config_changes == 2, 5)
        assert card(vmm) == own
