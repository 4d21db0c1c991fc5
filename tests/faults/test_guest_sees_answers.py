"""What a guest sees of rules on its commands, over a real socket."""

from time import monotonic

import pytest

from tests.faults.live import CAPTURE, LiveBench, streaming
from tests.faults.rig import COMMAND, QBUF
from vmedia_bench.faults.rule import Action, Do, Match, On
from vmedia_bench.guest.buffers import Buffer
from vmedia_bench.guest.chains import Request
from vmedia_bench.guest.control_calls import pack_controls
from vmedia_bench.guest.errors import BackendError, BackendTimeoutError, GuestIoctlError
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.controls import Cid

G_FMT = Match(on=On.COMMAND, ioctl="G_FMT")
MMAP = Match(on=On.COMMAND, command="MMAP")


def test_an_errno_instead_of_an_answer_and_then_none(bench: LiveBench) -> None:
    bench.add(G_FMT, Action(do=Do.ERRNO, errno="ENODEV"), count=1)
    with bench.session() as session:
        with pytest.raises(GuestIoctlError, match="G_FMT: ENODEV"):
            session.get_format(CAPTURE)
        assert session.get_format(CAPTURE).width == 160
    assert bench.fired() == ["VIDIOC_G_FMT answered ENODEV"]


def test_a_buffer_whose_qbuf_fails_was_never_queued(bench: LiveBench) -> None:
    with bench.session() as session, streaming(session) as stream:
        frame = stream.next_frame()
        state = bench.add(QBUF, Action(do=Do.ERRNO, errno="EIO"), count=1)
        with pytest.raises(GuestIoctlError, match="QBUF: EIO"):
            stream.requeue(frame)
        stream.requeue(frame)
        assert bench.do(lambda: bench.bench.faults.state(state.id)).fired == 1


def test_the_errno_of_controls_survives_linuxs_driver(bench: LiveBench) -> None:
    bench.add(Match(on=On.COMMAND, ioctl="S_EXT_CTRLS"), Action(do=Do.ERRNO, errno="EACCES"))
    with bench.session() as session:
        payload = pack_controls([(int(Cid.BRIGHTNESS), 0, 9)])
        with pytest.raises(GuestIoctlError, match="EACCES") as caught:
            session.ioctl("S_EXT_CTRLS", payload)
    assert len(caught.value.payload) == len(payload)
    assert structs.EXT_CONTROLS.unpack_from(caught.value.payload)[2] == 1


def test_open_and_mmap_fail_too(bench: LiveBench) -> None:
    bench.preset("open-error")
    bench.preset("mmap-error")
    with bench.driver() as driver:
        with pytest.raises(GuestIoctlError, match="OPEN: EBUSY"):
            driver.open()
        with driver.open() as session:
            session.request_buffers(1, CAPTURE, 1)
            offset = session.query_buffer(0, CAPTURE, 1).mem_offset
            with pytest.raises(GuestIoctlError, match="MMAP: ENOMEM"):
                session.mmap(offset)
            session.munmap(session.mmap(offset)[0])


def test_a_late_answer_comes_late_and_whole(bench: LiveBench) -> None:
    bench.add(G_FMT, Action(do=Do.DELAY, delay_ms=150), count=1)
    with bench.session() as session:
        started = monotonic()
        assert session.get_format(CAPTURE).width == 160
        assert monotonic() - started >= 0.15


def test_other_guests_commands_are_held_back_by_no_late_answer(bench: LiveBench) -> None:
    bench.add(G_FMT, Action(do=Do.DELAY, delay_ms=3000), count=1)
    with bench.driver(timeout=0.2) as driver, driver.open() as session:
        with pytest.raises(BackendTimeoutError):
            session.get_format(CAPTURE)
        driver.vmm.reset()
        with driver.open() as other:
            assert other.get_format(CAPTURE).width == 160


def test_an_answer_that_never_comes(bench: LiveBench) -> None:
    bench.add(G_FMT, Action(do=Do.NEVER), count=1)
    with bench.driver(timeout=0.2) as driver:
        session = driver.open()
        with pytest.raises(BackendTimeoutError, match="did not answer"):
            session.get_format(CAPTURE)
    assert bench.fired() == ["VIDIOC_G_FMT never answered"]


def test_a_chain_that_is_never_answered_does_not_come_back_when_the_vm_pauses(
    bench: LiveBench,
) -> None:
    bench.add(G_FMT, Action(do=Do.NEVER), count=1)
    with bench.driver(timeout=0.2) as driver:
        session = driver.open()
        with pytest.raises(BackendTimeoutError):
            session.get_format(CAPTURE)
        driver.vmm.pause()
        driver.vmm.resume()
        assert driver.vmm.commandq.take() is None


@pytest.mark.parametrize("length", [0, 4, 100])
def test_a_used_length_too_short_is_no_answer(bench: LiveBench, length: int) -> None:
    bench.add(G_FMT, Action(do=Do.USED_LENGTH, length=length), count=1)
    with bench.session() as session:
        with pytest.raises(BackendError, match=f"{length} bytes"):
            session.get_format(CAPTURE)
        assert session.get_format(CAPTURE).width == 160


def test_a_used_length_beyond_the_room_is_reported_as_it_is(bench: LiveBench) -> None:
    bench.add(G_FMT, Action(do=Do.USED_LENGTH, length=1 << 20), count=1)
    with bench.session() as session:
        answer, used = session.driver.submit(session.request(4, bytes(208)))
        assert used == 1 << 20
        assert len(answer) == 216


def test_a_header_and_no_payload(bench: LiveBench) -> None:
    bench.preset("short-answer")
    with bench.session() as session, pytest.raises(BackendError, match="8 bytes"):
        session.get_format(CAPTURE)


def test_close_is_executed_although_its_used_length_is_wrong(bench: LiveBench) -> None:
    bench.add(Match(on=On.COMMAND, command="CLOSE"), Action(do=Do.USED_LENGTH, length=8))
    with bench.driver() as driver:
        session = driver.open()
        assert driver.close_session(session.id) == 8
    assert bench.do(lambda: len(bench.bench.device.sessions)) == 0


def test_a_field_reads_otherwise(bench: LiveBench) -> None:
    bench.preset("wrong-format")
    with bench.session() as session:
        assert session.get_format(CAPTURE).width == 1


def test_bytes_read_otherwise_in_any_answer(bench: LiveBench) -> None:
    bench.add(MMAP, Action(do=Do.CORRUPT, field="len", value="12"))
    with bench.session() as session:
        session.request_buffers(1, CAPTURE, 1)
        address, view = session.mmap(session.query_buffer(0, CAPTURE, 1).mem_offset)
        assert len(view) == 12
        session.munmap(address)


def test_rules_on_a_session_leave_others_alone(bench: LiveBench) -> None:
    with bench.driver() as driver, driver.open() as first, driver.open() as second:
        bench.add(Match(on=On.COMMAND, session=first.id), Action(do=Do.ERRNO, errno="EIO"))
        with pytest.raises(GuestIoctlError, match="EIO"):
            first.get_format(CAPTURE)
        assert second.get_format(CAPTURE).width == 160


def test_a_rule_on_one_buffer(bench: LiveBench) -> None:
    match = Match(on=On.COMMAND, ioctl="QUERYBUF", buffer=1, type="VIDEO_CAPTURE")
    bench.add(match, Action(do=Do.ERRNO, errno="EIO"))
    with bench.session() as session:
        session.request_buffers(2, CAPTURE, 1)
        assert session.query_buffer(0, CAPTURE, 1).index == 0
        with pytest.raises(GuestIoctlError, match="EIO"):
            session.query_buffer(1, CAPTURE, 1)


def test_hostile_commands_meet_rules_and_harm_nobody(bench: LiveBench) -> None:
    bench.add(COMMAND, Action(do=Do.CORRUPT, hex="ff", offset=3), crash=True)
    bench.add(Match(on=On.COMMAND, type="VIDEO_CAPTURE"), Action(do=Do.ERRNO, errno="EIO"))
    with bench.driver() as driver:
        for size in (1, 7, 8, 12, 15, 16, 17, 40):
            for command in range(8):
                data = media.CMD_SESSION.pack(command, 1, 15)[:size].ljust(size, b"\xee")
                driver.submit(Request(data, response=64))
    assert bench.do(bench.bench.faults.states)[0].fired


def test_an_answer_is_held_back_no_longer_once_its_rule_is_removed(bench: LiveBench) -> None:
    state = bench.add(QBUF, Action(do=Do.DELAY, delay_ms=60_000), crash=True)
    with bench.driver(timeout=0.1) as driver, driver.open() as session:
        session.request_buffers(1, CAPTURE, 1)
        asked = Buffer(0, CAPTURE, 1)
        with pytest.raises(BackendTimeoutError):
            session.buffer_ioctl("QBUF", asked)
        bench.remove(state)
        assert driver.vmm.wait_for(lambda: driver.vmm.commandq.take() is not None, 5)
        driver.vmm.reset()
