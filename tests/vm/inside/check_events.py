"""Events, errors that vivid makes on purpose, and a device that is unplugged."""

from collections.abc import Callable
from errno import EINVAL, EIO, ENODEV

import pytest

from tests.vm.inside.conftest import Connect, control_named
from tests.vm.inside.direct import Direct
from vmedia_bench.guest.errors import BackendError, GuestIoctlError
from vmedia_bench.guest.events import V4l2Event
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.wire import structs
from vmedia_bench.wire.v4l2 import BufFlag, BufType, EventSubFlag, EventType, Memory

CAPTURE = int(BufType.VIDEO_CAPTURE)
MMAP = int(Memory.MMAP)
CAMERA = "vivid-000-vid-cap"
LIMIT_S = 30
UNPLUGGED = "vivid-002-vid-cap"

Open = Callable[[str], Direct]


def next_event(session: Session) -> V4l2Event:
    event = session.next_event(LIMIT_S)
    assert event is not None
    return event


def test_a_controls_event_is_the_hosts_own(connect: Connect, direct: Open) -> None:
    guest, host = connect(CAMERA), direct(CAMERA)
    brightness = control_named(host, "Brightness")
    for side in (guest, host):
        side.subscribe(int(EventType.CTRL), brightness, int(EventSubFlag.SEND_INITIAL))
    # It is there before the answer to SUBSCRIBE_EVENT.
    assert guest.events
    first = next_event(guest)
    assert (first.type, first.id, first.payload) == host.next_event()
    before = host.get_control(brightness)
    assert isinstance(before, int)
    with Direct(host.path) as third:
        third.set_control(brightness, before + 1)
    changed = next_event(guest)
    assert (changed.type, changed.id, changed.payload) == host.next_event()
    assert structs.EVENT_CTRL.unpack_from(changed.payload)[2] == before + 1


def test_a_session_hears_nothing_of_what_it_set_itself_unless_it_asks(connect: Connect) -> None:
    quiet, curious = connect(CAMERA), connect(CAMERA)
    contrast = control_named(quiet, "Contrast")
    quiet.subscribe(int(EventType.CTRL), contrast)
    curious.subscribe(int(EventType.CTRL), contrast, int(EventSubFlag.ALLOW_FEEDBACK))
    value = quiet.get_control(contrast)
    assert isinstance(value, int)
    quiet.set_control(contrast, value ^ 1)
    assert next_event(curious).id == contrast
    curious.set_control(contrast, value)
    assert next_event(curious).id == contrast
    assert next_event(quiet).id == contrast
    quiet.unsubscribe(int(EventType.ALL))
    curious.set_control(contrast, value ^ 1)
    assert next_event(curious).id == contrast
    assert not quiet.events


def test_a_source_change_arrives(connect: Connect, direct: Open) -> None:
    guest, host = connect(CAMERA), direct(CAMERA)
    hdmi = next(entry.index for entry in host.inputs() if "HDMI" in entry.name)
    host.set_input(hdmi)
    guest.subscribe(int(EventType.SOURCE_CHANGE), hdmi)
    mode = control_named(host, "DV Timings Signal Mode")
    host.set_control(mode, 1)  # no signal
    event = next_event(guest)
    assert event.type == EventType.SOURCE_CHANGE
    assert event.payload[0] == 1
    host.set_control(mode, 0)
    host.set_input(0)


def test_subscriptions_that_the_host_refuses_are_refused(connect: Connect) -> None:
    guest = connect(CAMERA)
    for kind, event_id in ((int(EventType.CTRL), 0x12345), (0x7000_0000, 0)):
        with pytest.raises(GuestIoctlError, match="EINVAL"):
            guest.subscribe(kind, event_id)


def errno_at_the_end_of(stream: Stream) -> int:
    """Stream on until it fails; the errno, of the session or of the QBUF that came before it."""
    while True:
        try:
            stream.requeue(stream.next_frame(LIMIT_S))
        except BackendError:
            return stream.session.error
        except GuestIoctlError as error:
            return error.errno


# vivid's own errors


@pytest.fixture
def streaming(connect: Connect) -> Session:
    """A session on vivid whose REQBUFS has gone well once: the way of its frames is settled."""
    guest = connect(CAMERA)
    guest.request_buffers(2, CAPTURE, MMAP)
    guest.request_buffers(0, CAPTURE, MMAP)
    return guest


def inject(host: Direct, error: str) -> None:
    host.set_control(control_named(host, error), 1)


def test_an_injected_error_of_reqbufs(streaming: Session, direct: Open) -> None:
    inject(direct(CAMERA), "VIDIOC_REQBUFS")
    with pytest.raises(GuestIoctlError) as refused:
        streaming.request_buffers(2, CAPTURE, MMAP)
    assert refused.value.errno == EINVAL
    assert streaming.request_buffers(2, CAPTURE, MMAP)[0] == 2


def test_an_injected_error_of_qbuf(streaming: Session, direct: Open) -> None:
    with Stream(streaming, CAPTURE, count=2) as stream:
        inject(direct(CAMERA), "VIDIOC_QBUF")
        with pytest.raises(GuestIoctlError) as refused:
            stream.queue(0)
        assert refused.value.errno == EINVAL
        stream.queue(0)


def test_an_injected_error_of_streamon(streaming: Session, direct: Open) -> None:
    with Stream(streaming, CAPTURE, count=2) as stream:
        stream.queue_all()
        inject(direct(CAMERA), "VIDIOC_STREAMON")
        with pytest.raises(GuestIoctlError) as refused:
            stream.stream_on()
        assert refused.value.errno == EINVAL


def test_an_injected_error_flag_reaches_the_guest(streaming: Session, direct: Open) -> None:
    with Stream(streaming, CAPTURE, count=4) as stream:
        stream.queue_all()
        stream.stream_on()
        inject(direct(CAMERA), "V4L2_BUF_FLAG_ERROR")
        assert any(frame.flags & BufFlag.ERROR for frame in stream.frames(40, LIMIT_S))


def test_frames_that_vivid_drops_are_missing_in_the_sequence(
    streaming: Session, direct: Open
) -> None:
    host = direct(CAMERA)
    dropped = control_named(host, "Percentage of Dropped Buffers")
    host.set_control(dropped, 50)
    try:
        with Stream(streaming, CAPTURE, count=4) as stream:
            stream.queue_all()
            stream.stream_on()
            frames = [frame.sequence for frame in stream.frames(20, LIMIT_S)]
        assert frames[-1] - frames[0] > 22
    finally:
        host.set_control(dropped, 0)


def test_a_fatal_streaming_error_is_eio_and_another_session_can_stream(
    connect: Connect, direct: Open
) -> None:
    guest, host = connect(CAMERA), direct(CAMERA)
    stream = Stream(guest, CAPTURE, count=3)
    stream.queue_all()
    stream.stream_on()
    stream.next_frame(LIMIT_S)
    inject(host, "Fatal Streaming Error")
    assert errno_at_the_end_of(stream) == EIO
    guest.close()
    again = connect(CAMERA)
    with Stream(again, CAPTURE, count=3) as other:
        other.queue_all()
        other.stream_on()
        other.next_frame(LIMIT_S)


# The last one: the device is gone afterwards.


def test_unplugging_ends_every_session_and_not_the_bench(connect: Connect, direct: Open) -> None:
    streaming, idle, host = connect(UNPLUGGED), connect(UNPLUGGED), direct(UNPLUGGED)
    host.set_format(VideoFormat(CAPTURE, 320, 180, host.get_format(CAPTURE).pixelformat))
    stream = Stream(streaming, CAPTURE, count=3)
    stream.queue_all()
    stream.stream_on()
    stream.next_frame(LIMIT_S)
    inject(host, "Disconnect")
    assert errno_at_the_end_of(stream) == ENODEV
    for session in (streaming, idle):
        while not session.error:
            assert session.driver.wait_event(LIMIT_S)
        assert session.error == ENODEV
    with pytest.raises(GuestIoctlError) as gone:
        streaming.driver.open()
    assert gone.value.errno == ENODEV
