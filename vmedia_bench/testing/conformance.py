"""
A suite for authors of backends: what a guest may expect of any device, tried on theirs.

    from vmedia_bench.testing import BackendConformance

    class TestMyCamera(BackendConformance):
        backend = "my-camera"
        options = {"size": "320x240"}

is a test module for pytest. The backend is built as the registry builds it, served by a real
device, and asked by the built-in guest.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import pytest

from vmedia_bench.backends import backend
from vmedia_bench.guest.control_calls import ControlInfo
from vmedia_bench.guest.formats import FrameSize, VideoFormat
from vmedia_bench.guest.probe import buffer_types, probe
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.testing.served import Served, guest_session
from vmedia_bench.v4l2.ports import NodeMaker
from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import (
    BufCap,
    CtrlFlag,
    CtrlType,
    FmtFlag,
    Memory,
    fourcc_name,
    is_capture,
)

_MMAP = int(Memory.MMAP)
_USERPTR = int(Memory.USERPTR)
_MOST_SIZES = 64
_FRAMES = 4
_CANARIES = (0xA5, 0x5A)
_UNTOUCHED = 16
_UNSETTABLE = int(
    CtrlFlag.DISABLED
    | CtrlFlag.GRABBED
    | CtrlFlag.READ_ONLY
    | CtrlFlag.INACTIVE
    | CtrlFlag.VOLATILE
    | CtrlFlag.WRITE_ONLY
)
_NUMBERS = frozenset(
    int(kind) for kind in (CtrlType.INTEGER, CtrlType.BOOLEAN, CtrlType.MENU, CtrlType.INTEGER_MENU)
)


class BackendConformance:
    """
    Subclass it with a name that begins with Test, and say which `backend` of the registry.

    `options` are texts as `--set` takes them. One that is in no registry is made by `maker`.
    """

    backend: ClassVar[str] = ""
    options: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def maker(cls) -> NodeMaker:
        """Build the backend; called once for all tests."""
        return backend(cls.backend).build_from_text(cls.options)

    # What the tests share

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Iterator[Served]:
        """The device, served for as long as the class's tests run."""
        with Served(cls.maker()) as served:
            yield served
        assert served.failures == []

    @pytest.fixture
    def session(self, served: Served) -> Iterator[Session]:
        """A session of a guest of its own."""
        with guest_session(served) as session:
            yield session

    @pytest.fixture(autouse=True)
    def no_errors(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """Whatever is logged as an error is one."""
        with caplog.at_level(logging.WARNING, "vmedia_bench"):
            yield
        errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
        assert errors == []

    # The registry's side

    def test_the_registry_has_it(self) -> None:
        """It is described in one line, can run here, and each option has a line of help."""
        if not self.backend:
            return
        found = backend(self.backend)
        assert found.unusable() == ""
        assert found.summary
        assert "\n" not in found.summary
        assert [option.name for option in found.options() if not option.help] == []

    # The guest's side

    def test_the_probe_finds_nothing_wrong(self, served: Served) -> None:
        """All that the built-in guest's checks look for."""
        report = probe(served.socket)
        assert report.error == ""
        assert report.findings == []

    def test_it_says_what_it_is(self, session: Session) -> None:
        """A name of at most 32 bytes, and at least one video queue with a format."""
        caps, _, card = media.CONFIG.unpack(session.driver.vmm.config)
        assert card.rstrip(b"\0").decode()
        types = buffer_types(caps)
        assert types
        for kind in types:
            assert list(session.enum_formats(kind))

    def test_every_format_and_size_can_be_had(self, session: Session) -> None:
        """S_FMT of what was enumerated gives just that, and TRY_FMT and G_FMT agree."""
        for kind in _free_types(session):
            for wanted in _formats(session, kind, _MOST_SIZES):
                got = session.set_format(wanted)
                assert _shape(got) == _shape(wanted)
                assert all(plane.sizeimage > 0 for plane in got.planes)
                assert session.get_format(kind) == got
                assert session.try_format(got) == got

    def test_what_is_not_there_becomes_something_near(self, session: Session) -> None:
        """S_FMT adjusts what cannot be and never fails."""
        for kind in _free_types(session):
            for width, height in ((1, 1), (0x7FFFFFFF, 0x7FFFFFFF), (333, 333)):
                got = session.set_format(VideoFormat(kind, width, height, 0x21212121))
                assert _shape(session.set_format(got)) == _shape(got)

    def test_every_interval_can_be_had(self, session: Session) -> None:
        """S_PARM of what was enumerated gives just that."""
        for kind in _free_types(session):
            for fmt in _formats(session, kind, 1):
                session.set_format(fmt)
                for interval in session.frame_intervals(fmt.pixelformat, fmt.width, fmt.height):
                    for wanted in (interval.shortest, interval.longest):
                        assert session.set_interval(kind, wanted) == wanted

    def test_every_control_takes_its_limits(self, session: Session) -> None:
        """What is in range is taken as it is; what is not becomes what is."""
        for info in _settable(session):
            for value in _values(info):
                assert session.set_control(info, value) == value
                assert session.get_control(info) == value
            if info.type == CtrlType.INTEGER:
                session.set_control(info, info.maximum)
                assert session.get_control(info) <= info.maximum  # type: ignore[operator]
            session.set_control(info, info.default)

    def test_frames_come_in_every_format(self, session: Session) -> None:
        """A few at the smallest size of each, in both kinds of memory."""
        for kind in _captures(session):
            for fmt in _formats(session, kind, 1):
                got = session.set_format(fmt)
                for memory in _memories(session, kind):
                    with _streaming(session, kind, memory) as stream:
                        for frame in stream.frames(_FRAMES):
                            _check(got, frame.bytesused, compressed=_compressed(session, fmt))
                            assert not frame.error

    def test_whole_frames_are_written(self, session: Session) -> None:
        """No part of an uncompressed frame keeps what was in the buffer before."""
        for kind in _captures(session):
            for fmt in _formats(session, kind, 1):
                session.set_format(fmt)
                if not _compressed(session, fmt):
                    assert _untouched(session, kind) < _UNTOUCHED, fourcc_name(fmt.pixelformat)

    def test_a_buffer_that_came_back_is_the_guests(self, session: Session) -> None:
        """Nothing writes into it any more, whatever the next frames show."""
        for kind in _captures(session):
            with _streaming(session, kind, _MMAP) as stream:
                kept = []
                for _ in range(stream.count):
                    frame = stream.next_frame()
                    kept.append((frame, stream.copy(frame)))
                assert len({frame.index for frame, _ in kept}) == stream.count
                for frame, before in kept:
                    assert stream.copy(frame) == before

    def test_it_starts_anew_after_every_stop(self, session: Session) -> None:
        """Sequence numbers begin at 0 each time, also after a change of size."""
        for kind in _captures(session):
            for turn, fmt in enumerate(_formats(session, kind, 2)):
                if turn < 6:
                    session.set_format(fmt)
                    with _streaming(session, kind, _MMAP) as stream:
                        assert next(iter(stream.frames(1))).sequence == 0

    def test_controls_can_be_set_while_it_streams(self, session: Session) -> None:
        """The stream goes on."""
        for kind in _captures(session):
            with _streaming(session, kind, _MMAP) as stream:
                for info in _settable(session):
                    session.set_control(info, _values(info)[0])
                    session.set_control(info, info.default)
                for frame in stream.frames(_FRAMES):
                    assert not frame.error

    def test_a_display_takes_frames(self, session: Session) -> None:
        """Buffers that are full come back without an error, in order."""
        types = _types(session)
        for kind in types:
            if is_capture(kind) or len(types) > 1:
                continue
            with _streaming(session, kind, _MMAP) as stream:
                for frame in stream.frames(_FRAMES):
                    assert not frame.error

    def test_it_serves_one_guest_after_the_other(self, served: Served) -> None:
        """What one leaves behind is in nobody's way."""
        for _ in range(3):
            with guest_session(served) as session:
                for kind in _captures(session):
                    stream = Stream(session, kind)
                    stream.queue_all()
                    stream.stream_on()
                    stream.next_frame()


def _types(session: Session) -> tuple[int, ...]:
    return tuple(map(int, buffer_types(media.CONFIG.unpack(session.driver.vmm.config)[0])))


def _free_types(session: Session) -> list[int]:
    """Queues with a format of their own; what a codec captures follows from its input."""
    types = _types(session)
    return [kind for kind in types if len(types) == 1 or not is_capture(kind)]


def _captures(session: Session) -> list[int]:
    """Queues that give frames by themselves; that of a codec waits for input."""
    types = _types(session)
    return [kind for kind in types if is_capture(kind) and len(types) == 1]


def _memories(session: Session, kind: int) -> list[int]:
    _, capabilities = session.request_buffers(0, kind, _MMAP)
    return [_MMAP, _USERPTR] if capabilities & BufCap.SUPPORTS_USERPTR else [_MMAP]


def _formats(session: Session, kind: int, sizes: int) -> Iterator[VideoFormat]:
    """Every format of a queue in up to so many sizes, the smallest first."""
    for entry in list(session.enum_formats(kind)):
        found = list(session.frame_sizes(entry.pixelformat))
        for width, height in sorted({end for size in found for end in _ends(size)})[:sizes]:
            yield VideoFormat(kind, width, height, entry.pixelformat)


def _ends(size: FrameSize) -> tuple[tuple[int, int], tuple[int, int]]:
    width, height = size.max_width, size.max_height
    if not size.discrete:
        width -= (width - size.min_width) % max(size.step_width, 1)
        height -= (height - size.min_height) % max(size.step_height, 1)
    return (size.min_width, size.min_height), (width, height)


def _shape(fmt: VideoFormat) -> tuple[int, int, int]:
    return (fmt.pixelformat, fmt.width, fmt.height)


def _compressed(session: Session, fmt: VideoFormat) -> bool:
    entries = session.enum_formats(fmt.type)
    flags = {entry.pixelformat: entry.flags for entry in entries}[fmt.pixelformat]
    return bool(flags & FmtFlag.COMPRESSED)


def _check(fmt: VideoFormat, bytesused: tuple[int, ...], *, compressed: bool) -> None:
    sizes = tuple(plane.sizeimage for plane in fmt.planes)
    if compressed:
        assert all(0 < used <= size for used, size in zip(bytesused, sizes, strict=True))
    else:
        assert bytesused == sizes, f"{fourcc_name(fmt.pixelformat)}: frames are not whole"


def _settable(session: Session) -> list[ControlInfo]:
    controls = session.controls()
    return [info for info in controls if info.type in _NUMBERS and not info.flags & _UNSETTABLE]


def _values(info: ControlInfo) -> list[int]:
    if info.menu:
        return [item.index for item in info.menu]
    return [info.minimum, info.maximum - (info.maximum - info.minimum) % max(info.step, 1)]


def _untouched(session: Session, kind: int) -> int:
    """How many bytes in a row kept what was in the buffer, in two frames with two fillings."""
    kept = []
    for canary in _CANARIES:
        with Stream(session, kind, count=2) as stream:
            for index in range(stream.count):
                for view in stream.memory_of(index):
                    view[:] = bytes([canary]) * len(view)
            stream.queue_all()
            stream.stream_on()
            planes = stream.copy(stream.next_frame())
        kept.append(b"".join(planes))
    first, second = _CANARIES
    longest = run = 0
    for one, other in zip(*kept, strict=True):
        run = run + 1 if (one, other) == (first, second) else 0
        longest = max(longest, run)
    return longest


@contextmanager
def _streaming(session: Session, kind: int, memory: int) -> Iterator[Stream]:
    """A stream at the fastest rate there is; what its checks find fails the test."""
    fmt = session.get_format(kind)
    intervals = session.frame_intervals(fmt.pixelformat, fmt.width, fmt.height)
    fastest = min((interval.shortest for interval in intervals), default=None)
    if fastest is not None:
        session.set_interval(kind, fastest)
    with Stream(session, kind, memory=memory) as stream:
        stream.queue_all()
        stream.stream_on()
        yield stream
    assert stream.violations == []
