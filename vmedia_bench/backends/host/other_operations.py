"""The ioctls without buffers passed through: as they are, controls, and subscriptions."""

from collections.abc import Callable
from errno import EINVAL, ENOMEM

from vmedia_bench.backends.host.buffer_operations import Operation, User
from vmedia_bench.backends.host.session import HostSession
from vmedia_bench.backends.host.translate import HostControls
from vmedia_bench.backends.host.worker import Steps
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.events import MAX_SUBSCRIPTIONS
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.ioctls import IOCTLS, Sent, Shape
from vmedia_bench.wire.structs import EVENT_SUBSCRIPTION, U32
from vmedia_bench.wire.v4l2 import BufType, DecCmd, EncCmd, EventType

# Their v4l2_format holds pointers: struct v4l2_window's clips and bitmap.
_OVERLAYS = frozenset((int(BufType.VIDEO_OVERLAY), int(BufType.VIDEO_OUTPUT_OVERLAY)))
_ALL = int(EventType.ALL)
_READS = frozenset((ioctls.VIDIOC_G_EXT_CTRLS,))


def _passer(number: int) -> Operation:
    def passed(session: HostSession, arg: bytearray, _user: User) -> Steps:
        yield session.ioctl(number, arg)

    return passed


def _format_passer(number: int, *, learn: bool) -> Operation:
    def passed(session: HostSession, arg: bytearray, _user: User) -> Steps:
        (buf_type,) = U32.unpack_from(arg)
        if buf_type in _OVERLAYS:
            raise V4l2Error(EINVAL, "overlays are not passed through")
        yield session.ioctl(number, arg)
        if learn:
            session.learn_format(arg)

    return passed


def _parm_passer(number: int) -> Operation:
    def passed(session: HostSession, arg: bytearray, _user: User) -> Steps:
        yield session.ioctl(number, arg)
        session.learn_interval(arg)

    return passed


def _command_passer(number: int, start: int) -> Operation:
    """DECODER_CMD or ENCODER_CMD; after START a drained queue gives buffers back again."""

    def passed(session: HostSession, arg: bytearray, _user: User) -> Steps:
        yield session.ioctl(number, arg)
        if U32.unpack_from(arg)[0] == start:
            for queue in session.queues.values():
                queue.drained = False

    return passed


def _controls_passer(number: int) -> Operation:
    """G/S/TRY_EXT_CTRLS: payloads travel through memory of ours, errors tell which control."""

    def passed(session: HostSession, arg: bytearray, user: User) -> Steps:
        payloads: list[bytearray | None] = []
        for at, size in enumerate(HostControls.sizes(arg)):
            memory = user[at] if at < len(user) else None
            if memory is None:
                payloads.append(None)
            else:
                start = bytes(size) if number in _READS else memory.read(0, size)
                payloads.append(bytearray(start))
        batch = HostControls(arg, payloads)

        def call() -> None:
            address = session.kernel.address
            batch.point_to(
                address(batch.array) if batch.array else 0,
                [address(payload) if payload else 0 for payload in payloads],
            )
            session.kernel.ioctl(session.fd, number, batch.head)

        try:
            yield call
        except OSError:
            batch.answer()
            raise
        batch.answer()
        for memory, payload in zip(user, payloads, strict=False):
            if memory is not None and payload is not None:
                memory.write(0, payload)

    return passed


def subscribe(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_SUBSCRIBE_EVENT; the initial event, if any, goes out before the answer."""
    kind, event_id, flags = EVENT_SUBSCRIPTION.unpack_from(arg)
    key = (kind, event_id)
    if key not in session.subscriptions and len(session.subscriptions) >= MAX_SUBSCRIPTIONS:
        raise V4l2Error(ENOMEM, f"{MAX_SUBSCRIPTIONS} event subscriptions")

    def call() -> list[bytes]:
        session.kernel.ioctl(session.fd, ioctls.VIDIOC_SUBSCRIBE_EVENT, arg)
        return session.take_events()

    for event in (yield call):
        session.ports.sink.event(session.id, event)
    session.subscriptions[key] = flags


def unsubscribe(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_UNSUBSCRIBE_EVENT."""
    kind, event_id, _ = EVENT_SUBSCRIPTION.unpack_from(arg)
    yield session.ioctl(ioctls.VIDIOC_UNSUBSCRIBE_EVENT, arg)
    if kind == _ALL:
        session.subscriptions.clear()
    session.subscriptions.pop((kind, event_id), None)


_SPECIAL: dict[int, Callable[[], Operation]] = {
    ioctls.VIDIOC_G_FMT: lambda: _format_passer(ioctls.VIDIOC_G_FMT, learn=True),
    ioctls.VIDIOC_S_FMT: lambda: _format_passer(ioctls.VIDIOC_S_FMT, learn=True),
    ioctls.VIDIOC_TRY_FMT: lambda: _format_passer(ioctls.VIDIOC_TRY_FMT, learn=False),
    ioctls.VIDIOC_G_PARM: lambda: _parm_passer(ioctls.VIDIOC_G_PARM),
    ioctls.VIDIOC_S_PARM: lambda: _parm_passer(ioctls.VIDIOC_S_PARM),
    ioctls.VIDIOC_DECODER_CMD: lambda: _command_passer(
        ioctls.VIDIOC_DECODER_CMD, int(DecCmd.START)
    ),
    ioctls.VIDIOC_ENCODER_CMD: lambda: _command_passer(
        ioctls.VIDIOC_ENCODER_CMD, int(EncCmd.START)
    ),
    ioctls.VIDIOC_SUBSCRIBE_EVENT: lambda: subscribe,
    ioctls.VIDIOC_UNSUBSCRIBE_EVENT: lambda: unsubscribe,
}
_CROPPING = (ioctls.VIDIOC_CROPCAP, ioctls.VIDIOC_G_CROP, ioctls.VIDIOC_S_CROP)
_STREAMING = frozenset(
    (
        ioctls.VIDIOC_REQBUFS,
        ioctls.VIDIOC_CREATE_BUFS,
        ioctls.VIDIOC_STREAMON,
        ioctls.VIDIOC_STREAMOFF,
    )
)


def _operations() -> dict[int, Operation]:
    """
    What is passed on: all that the Linux driver sends, and cropping.

    Not: what has pointers that only overlays and EDIDs need (G/S_FBUF, G/S_EDID), what gives file
    descriptors (EXPBUF), registers, priorities and LOG_STATUS. They answer ENOTTY.
    """
    found: dict[int, Operation] = {}
    for number, row in IOCTLS.items():
        if row.shape is Shape.EXT_CONTROLS:
            found[number] = _controls_passer(number)
        elif row.shape is Shape.PLAIN and (row.sent is Sent.FORWARDED or number in _CROPPING):
            found[number] = _passer(number)
    found |= {number: make() for number, make in _SPECIAL.items()}
    return {number: run for number, run in found.items() if number not in _STREAMING}


OPERATIONS = _operations()
"""ioctl number to the job that serves it."""
