"""Many sessions beside one another, their IDs, and whose queue it is."""

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    CAPTURE,
    MMAP,
    USERPTR,
    driver_of,
    session_of,
    streaming,
    take_frames,
)
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import GuestIoctlError

OTHERS = 63
OPENS = 3000


def test_a_stream_goes_on_among_63_other_sessions(camera: Bench) -> None:
    with driver_of(camera) as driver, driver.open() as session:
        others = [driver.open() for _ in range(OTHERS)]
        assert len({other.id for other in others} | {session.id}) == OTHERS + 1
        fmt = session.get_format(CAPTURE)
        with streaming(session) as stream:
            for _ in stream.frames(OTHERS):
                assert others[0].get_format(CAPTURE) == fmt
                others.pop().close()
        with streaming(session) as stream:
            assert len(take_frames(stream)) == 10
        assert driver.strays == []


def test_no_id_is_given_twice(camera: Bench) -> None:
    with driver_of(camera) as driver:
        kept = [driver.open() for _ in range(5)]
        seen = [session.id for session in kept]
        for _ in range(OPENS):
            with driver.open() as session:
                seen.append(session.id)
        assert len(set(seen)) == len(seen)
        for session in kept:
            assert session.get_format(CAPTURE).type == CAPTURE


@pytest.mark.parametrize("memory", [MMAP, USERPTR])
def test_the_queue_has_one_owner(camera: Bench, memory: int) -> None:
    with driver_of(camera) as driver, driver.open() as second:
        with driver.open() as owner, streaming(owner, memory=memory):
            for ask in (
                lambda: second.request_buffers(2, CAPTURE, memory),
                lambda: second.stream_on(CAPTURE),
                lambda: second.set_format(second.get_format(CAPTURE)),
            ):
                with pytest.raises(GuestIoctlError) as refusal:
                    ask()
                assert refusal.value.errno_name in {"EBUSY", "EINVAL"}
            with pytest.raises(GuestIoctlError) as refusal:
                second.request_buffers(2, CAPTURE, memory)
            assert refusal.value.errno_name == "EBUSY"
        with streaming(second, memory=memory) as stream:
            assert len(take_frames(stream)) == 10


def test_closing_the_owner_frees_the_queue_for_the_next(camera: Bench) -> None:
    with driver_of(camera) as driver:
        owner, heir = driver.open(), driver.open()
        owner.request_buffers(4, CAPTURE, MMAP)
        owner.stream_on(CAPTURE)
        owner.close()
        with heir, streaming(heir) as stream:
            assert len(take_frames(stream)) == 10


def test_another_driver_of_the_same_machine_finds_nothing_left(camera: Bench) -> None:
    with session_of(camera) as session:
        session.request_buffers(4, CAPTURE, MMAP)
        with Driver(session.driver.vmm).open() as other, streaming(other) as stream:
            assert len(take_frames(stream)) == 10


def test_sessions_are_capped(narrow_camera: Bench) -> None:
    with driver_of(narrow_camera) as driver:
        sessions = [driver.open() for _ in range(8)]
        with pytest.raises(GuestIoctlError) as refusal:
            driver.open()
        assert refusal.value.errno_name == "EBUSY"
        sessions.pop().close()
        sessions.append(driver.open())
        with streaming(sessions[0]) as stream:
            assert len(take_frames(stream)) == 10


def test_memory_for_buffers_is_capped(narrow_camera: Bench) -> None:
    with driver_of(narrow_camera) as driver, driver.open() as session:
        # 38,400 bytes a frame, in whole pages; 1 MiB in all.
        got, _ = session.request_buffers(32, CAPTURE, MMAP)
        assert 2 <= got <= (1 << 20) // 40960
        again, _ = session.request_buffers(32, CAPTURE, MMAP)
        assert again == got
        session.request_buffers(0, CAPTURE, MMAP)
        with streaming(session) as stream:
            assert len(take_frames(stream)) == 10
