"""A node that takes its time: its commands are answered when it is through."""

from collections.abc import Sequence
from errno import EBUSY, EINVAL, EIO, ENODEV

from tests.device.rig import CAPTURE, Rig
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.memory import GuestBuffer
from vmedia_bench.wire import ioctls, media, structs


class SlowNode:
    """Answers OPEN, CLOSE and every ioctl when it is told to; the rest is a camera's."""

    def __init__(self, rig: Rig) -> None:
        self._node = rig.device.node
        self.later = Later()

    def __getattr__(self, name: str) -> object:
        return getattr(self._node, name)

    def open(self, session_id: int) -> Later:
        self.later = Later()
        self._node.open(session_id)
        return self.later

    def close(self, session_id: int) -> Later:
        self.later = Later()
        self._node.close(session_id)
        return self.later

    def ioctl(
        self, session_id: int, number: int, arg: bytearray, user: Sequence[GuestBuffer | None]
    ) -> Later:
        self.later = Later()
        arg[0:4] = b"done"
        return self.later


class SlowRig(Rig):
    def __init__(self) -> None:
        super().__init__()
        self.slow = SlowNode(self)
        self.device.node = self.slow  # type: ignore[assignment]
        self.answers: list[bytes] = []

    def send(self, request: bytes) -> None:
        response = self.device.execute(request, 4096)
        assert not isinstance(response, bytes)
        response.then(self.answers.append)

    def opened(self) -> int:
        self.send(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
        self.slow.later.settle(None)
        return int(media.RESP_OPEN.unpack(self.answers.pop())[1])


def ioctl(session_id: int, number: int, payload: bytes) -> bytes:
    return media.CMD_SESSION.pack(media.CMD_IOCTL, session_id, number) + payload


def test_open_is_answered_once_the_node_has_opened() -> None:
    rig = SlowRig()
    rig.send(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
    assert not rig.answers
    rig.slow.later.settle(None)
    assert media.RESP_OPEN.unpack(rig.answers[0]) == (0, 1)


def test_an_open_that_is_refused_in_the_end_leaves_no_session() -> None:
    rig = SlowRig()
    rig.send(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
    rig.slow.later.settle(V4l2Error(EBUSY))
    assert rig.answers == [media.RESP_HEADER.pack(EBUSY)]
    assert not rig.device.sessions.all()


def test_an_open_that_a_reset_overtakes_is_not_opened() -> None:
    rig = SlowRig()
    rig.send(media.CMD_HEADER.pack(media.CMD_OPEN, 0))
    opening = rig.slow.later
    rig.device.reset()
    opening.settle(None)
    assert rig.answers == [media.RESP_HEADER.pack(EIO)]
    assert not rig.device.sessions.all()


def test_an_ioctl_is_answered_with_what_the_node_made_of_its_payload() -> None:
    rig = SlowRig()
    session = rig.opened()
    rig.send(ioctl(session, ioctls.VIDIOC_G_FMT, bytes(208)))
    assert not rig.answers
    rig.slow.later.settle(None)
    assert rig.answers == [media.RESP_HEADER.pack(0) + b"done" + bytes(204)]


def test_an_ioctl_that_fails_in_the_end_is_answered_its_errno_and_counted() -> None:
    rig = SlowRig()
    session = rig.opened()
    rig.send(ioctl(session, ioctls.VIDIOC_G_FMT, bytes(208)))
    rig.slow.later.settle(V4l2Error(EINVAL))
    assert rig.answers == [media.RESP_HEADER.pack(EINVAL)]
    assert rig.device.counters.errors == 1
    found = rig.device.sessions.get(session)
    assert found is not None
    assert found.last_errno == EINVAL


def test_controls_are_written_back_with_the_errno_too() -> None:
    rig = SlowRig()
    session = rig.opened()
    payload = structs.EXT_CONTROLS.pack(0, 0, 0, 0, 0)
    rig.send(ioctl(session, ioctls.VIDIOC_G_EXT_CTRLS, payload))
    rig.slow.later.settle(V4l2Error(ENODEV))
    assert rig.answers == [media.RESP_HEADER.pack(ENODEV) + b"done" + payload[4:]]


def test_streamoff_waits_for_the_driver_to_see_the_events_before_it() -> None:
    rig = SlowRig()
    session = rig.opened()
    rig.transport.busy_with_events = True
    rig.send(ioctl(session, ioctls.VIDIOC_STREAMOFF, structs.U32.pack(CAPTURE)))
    rig.slow.later.settle(None)
    assert not rig.answers
    rig.transport.until_events_taken.pop()()
    assert rig.answers == [media.RESP_HEADER.pack(0)]


def test_close_is_given_back_when_the_node_has_closed() -> None:
    rig = SlowRig()
    session = rig.opened()
    rig.send(media.CMD_SESSION.pack(media.CMD_CLOSE, session, 0))
    assert not rig.answers
    rig.slow.later.settle(None)
    assert rig.answers == [b""]
