"""The back-end channel: SHMEM requests are answered, refused, too late or held back."""

import os
from collections.abc import Iterator

import pytest

from tests.vhost.rig import Clock, MakeRam, no_fd_left_open
from vmedia_bench.vhost.channel import BackendChannel
from vmedia_bench.vhost.errors import ProtocolViolationError
from vmedia_bench.wire.vhost_user import HEADER, SHMEM_MMAP, U64, BackendRequest

MAP, UNMAP = BackendRequest.SHMEM_MAP, BackendRequest.SHMEM_UNMAP
PAGE = 4096


class Rig:
    """A channel whose other end is the test."""

    def __init__(self, *, reply_ack: bool = True) -> None:
        self.clock = Clock()
        self.complaints: list[str] = []
        self.outcomes: list[bool] = []
        self.channel = BackendChannel(
            self.clock.call_later, lambda: None, self.complaints.append, timeout=4.0
        )
        self.channel.open = True
        self.channel.reply_ack = reply_ack
        self.channel.offers_shmem = self.channel.offers_config = True

    def map(self, fd: int, at: int = 0) -> None:
        fields = (0, 2 * PAGE, at, PAGE)
        self.channel.map(fields, fd, writable=True, done=self.outcomes.append)

    def unmap(self, at: int = 0) -> None:
        self.channel.unmap(0, at, PAGE, self.outcomes.append)

    def sent(self) -> list[tuple[int, tuple[int, ...]]]:
        """(request, payload fields) of what went out since the last call of this."""
        messages = []
        while self.channel.outgoing:
            data, fd = self.channel.outgoing.popleft()
            request, flags, size = HEADER.unpack_from(data)
            assert size == len(data) - HEADER.size
            assert (fd >= 0) == (request == MAP)
            assert (flags == 9) == (self.channel.reply_ack and request in {MAP, UNMAP})
            if fd >= 0:
                os.close(fd)
            messages.append((request, SHMEM_MMAP.unpack(data[12:]) if size else ()))
        return messages

    def answer(self, request: int, result: int = 0) -> None:
        self.channel.feed(HEADER.pack(request, 5, 8) + U64.pack(result))


@pytest.fixture
def rig() -> Iterator[Rig]:
    with no_fd_left_open():
        rig = Rig()
        yield rig
        rig.channel.close()


@pytest.fixture
def fd(make_ram: MakeRam) -> int:
    return make_ram().fd


def test_a_mapping_is_done_when_it_is_acknowledged(rig: Rig, fd: int) -> None:
    rig.channel.run()
    rig.map(fd, at=8 * PAGE)
    assert rig.sent() == [(MAP, (0, 2 * PAGE, 8 * PAGE, PAGE, 1))]
    assert rig.outcomes == []
    rig.answer(MAP)
    assert rig.outcomes == [True]
    rig.clock.expire()
    assert rig.outcomes == [True]


def test_refused(rig: Rig, fd: int) -> None:
    rig.channel.run()
    rig.map(fd)
    rig.sent()
    rig.answer(MAP, 1)
    assert rig.outcomes == [False]
    assert "refused" in rig.complaints[0]
    assert rig.sent() == []


def test_without_a_file_descriptor_to_send_it_fails_at_once(rig: Rig) -> None:
    rig.channel.run()
    rig.map(-1)
    assert rig.outcomes == [False]
    assert "Bad file descriptor" in rig.complaints[0]
    assert rig.sent() == []


def test_never_answered(rig: Rig, fd: int) -> None:
    """It fails before the guest's 5 s are over, and is not tried again."""
    rig.channel.run()
    rig.map(fd)
    rig.sent()
    assert [timer.seconds for timer in rig.clock.timers] == [4.0]
    rig.clock.expire()
    assert rig.outcomes == [False]
    assert rig.sent() == []


def test_answered_too_late_is_unmapped_again(rig: Rig, fd: int) -> None:
    """Nobody knows of that mapping, and it would be in the next one's way."""
    rig.channel.run()
    rig.map(fd, at=PAGE)
    rig.sent()
    rig.clock.expire()
    rig.answer(MAP)
    assert rig.sent() == [(UNMAP, (0, 0, PAGE, PAGE, 0))]
    rig.answer(UNMAP)
    assert rig.outcomes == [False]


def test_answers_come_in_the_order_of_the_requests(rig: Rig, fd: int) -> None:
    rig.channel.run()
    rig.map(fd)
    rig.map(fd, at=PAGE)
    rig.unmap()
    assert [request for request, _fields in rig.sent()] == [MAP, MAP, UNMAP]
    for request, result in ((MAP, 0), (MAP, 1), (UNMAP, 0)):
        rig.answer(request, result)
    assert rig.outcomes == [True, False, True]


def test_without_reply_ack_what_was_sent_is_done(fd: int) -> None:
    rig = Rig(reply_ack=False)
    rig.channel.run()
    rig.map(fd)
    assert rig.outcomes == [True]
    rig.sent()


def test_held_back_until_the_device_runs(rig: Rig, fd: int) -> None:
    """QEMU dies of a request that comes while the device is stopped."""
    rig.channel.config_changed()
    rig.channel.config_changed()
    rig.map(fd)
    assert rig.sent() == []
    rig.channel.run()
    assert [request for request, _fields in rig.sent()] == [BackendRequest.CONFIG_CHANGE_MSG, MAP]


def test_a_mapping_that_was_held_too_long_is_not_sent(rig: Rig, fd: int) -> None:
    rig.map(fd)
    rig.clock.expire()
    assert rig.outcomes == [False]
    rig.channel.run()
    assert rig.sent() == []


def test_nobody_waits_for_a_device_that_stops(rig: Rig, fd: int) -> None:
    rig.channel.run()
    rig.map(fd)
    rig.sent()
    rig.channel.hold()
    assert rig.outcomes == [False]
    rig.answer(MAP)
    assert rig.sent() == []
    rig.channel.run()
    assert rig.sent() == [(UNMAP, (0, 0, 0, PAGE, 0))]


def test_a_reset_forgets_what_was_mapped(rig: Rig, fd: int) -> None:
    """The front-end dropped it: unmapping it now would hit what the next run maps."""
    rig.channel.run()
    rig.map(fd)
    rig.sent()
    rig.channel.hold()
    rig.unmap()
    rig.channel.reset()
    rig.answer(MAP)
    rig.channel.run()
    assert rig.sent() == []
    assert rig.outcomes == [False, False]


def test_unmapping_while_stopped_is_done_after_the_pause(rig: Rig) -> None:
    rig.unmap()
    rig.channel.run()
    assert [request for request, _fields in rig.sent()] == [UNMAP]


def test_a_channel_that_goes_settles_everything(rig: Rig, fd: int) -> None:
    rig.channel.run()
    rig.map(fd)
    rig.channel.hold()
    rig.map(fd)
    rig.channel.close()
    assert rig.outcomes == [False, False]


@pytest.mark.parametrize("missing", ["open", "offers_shmem"])
def test_no_channel_or_no_shmem_is_a_refusal(rig: Rig, fd: int, missing: str) -> None:
    setattr(rig.channel, missing, False)
    rig.map(fd)
    rig.unmap()
    assert rig.outcomes == [False, False]


def test_config_change_is_only_for_those_who_know_it(rig: Rig) -> None:
    rig.channel.offers_config = False
    rig.channel.run()
    rig.channel.config_changed()
    assert rig.sent() == []


@pytest.mark.parametrize(
    "answer",
    [
        HEADER.pack(MAP, 1, 8) + U64.pack(0),
        HEADER.pack(UNMAP, 5, 8) + U64.pack(0),
        HEADER.pack(MAP, 5, 4096),
        HEADER.pack(MAP, 6, 8),
    ],
    ids=["no reply flag", "another request", "another size", "another version"],
)
def test_anything_but_the_answer_is_a_violation(rig: Rig, fd: int, answer: bytes) -> None:
    rig.channel.run()
    rig.map(fd)
    rig.sent()
    with pytest.raises(ProtocolViolationError):
        rig.channel.feed(answer)


def test_an_answer_to_nothing_is_a_violation(rig: Rig) -> None:
    with pytest.raises(ProtocolViolationError):
        rig.answer(MAP)


def test_answers_byte_by_byte_and_with_a_tail(rig: Rig, fd: int) -> None:
    rig.channel.run()
    answer = HEADER.pack(MAP, 5, 8) + U64.pack(0)
    for _ in range(4):
        rig.map(fd)
    rig.sent()
    for byte in answer:
        rig.channel.feed(bytes([byte]))
    assert rig.outcomes == [True]
    rig.channel.feed(answer + answer + answer[:15])
    assert rig.outcomes == [True] * 3
    rig.channel.feed(answer[15:])
    assert rig.outcomes == [True] * 4
