"""Sessions: ioctls in all shapes and the typed helpers over a scripted camera."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from vmedia_bench.guest.buffers import Buffer, Plane, unpack_buffer
from vmedia_bench.guest.control_calls import MenuItem
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError, GuestError, GuestIoctlError
from vmedia_bench.guest.format_calls import pack_format, unpack_format
from vmedia_bench.guest.formats import PlaneLayout, VideoFormat
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import BufType, fourcc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guest.camera import ScriptedCamera
    from tests.guest.rig import FakeBackend
    from vmedia_bench.guest.session import Session


@pytest.fixture
def session(backend: FakeBackend, camera: ScriptedCamera) -> Iterator[Session]:
    with Vmm.connect(backend.path, memory_size=4 << 20) as vmm, Driver(vmm).open() as opened:
        yield opened


def test_ioctls_go_by_name_or_number(session: Session) -> None:
    asked = struct.pack("<I", 1)
    assert session.ioctl("G_FMT", asked) == session.ioctl(4, asked)
    assert session.ioctl("VIDIOC_G_FMT", asked)[:4] == asked


def test_an_error_carries_its_name_and_what_was_asked(session: Session) -> None:
    with pytest.raises(GuestIoctlError, match=r"^G_FMT: EINVAL$"):
        session.ioctl("G_FMT", struct.pack("<I", 2))
    with pytest.raises(GuestIoctlError, match=r"^ioctl 200: ENOTTY$"):
        session.ioctl(200, bytes(8))


def test_our_own_mistakes_are_named(session: Session) -> None:
    with pytest.raises(ValueError, match="did you mean"):
        session.ioctl("G_FMTT")
    with pytest.raises(GuestError, match="G_INPUT takes 4 bytes, not 8"):
        session.ioctl("G_INPUT", bytes(8))


def test_an_answer_without_its_payload_is_the_back_ends_fault(
    backend: FakeBackend, session: Session
) -> None:
    usual = backend.media
    backend.media = lambda request, room: bytes(8)
    with pytest.raises(BackendError, match="answered G_FMT with 8 bytes, 216 are needed"):
        session.ioctl("G_FMT")
    backend.media = usual


def test_formats_sizes_and_intervals(session: Session) -> None:
    (entry,) = session.enum_formats(BufType.VIDEO_CAPTURE)
    assert (entry.pixelformat, entry.description) == (fourcc("RGB3"), "24-bit RGB")
    (size,) = session.frame_sizes(entry.pixelformat)
    assert size.discrete
    assert (size.max_width, size.max_height) == (2, 2)
    intervals = list(session.frame_intervals(entry.pixelformat, 2, 2))
    assert [i.shortest for i in intervals] == [Fraction(1, 30), Fraction(1, 60)]


def test_formats_are_got_set_and_tried(session: Session) -> None:
    fmt = session.get_format(BufType.VIDEO_CAPTURE)
    assert (fmt.width, fmt.height, fmt.planes) == (2, 2, (PlaneLayout(6, 12),))
    assert session.set_format(fmt) == fmt
    assert session.try_format(fmt) == fmt


@pytest.mark.parametrize("kind", [BufType.VIDEO_CAPTURE, BufType.VIDEO_CAPTURE_MPLANE])
def test_formats_survive_packing(kind: BufType) -> None:
    planes = (PlaneLayout(640, 640 * 480), PlaneLayout(320, 320 * 240))
    count = 2 if kind == BufType.VIDEO_CAPTURE_MPLANE else 1
    fmt = VideoFormat(kind, 640, 480, fourcc("NM12"), 1, 3, 2, 1, 1, 0, planes[:count])
    assert len(pack_format(fmt)) == 208
    assert unpack_format(pack_format(fmt)) == fmt


def test_frame_intervals_inputs(session: Session) -> None:
    assert session.get_interval(BufType.VIDEO_CAPTURE) == Fraction(1, 30)
    assert session.set_interval(BufType.VIDEO_CAPTURE, Fraction(1, 15)) == Fraction(1, 30)
    assert [entry.name for entry in session.inputs()] == ["Camera 1"]
    assert list(session.outputs()) == []


def test_controls_with_their_menus(session: Session) -> None:
    brightness, title, pattern = session.controls()
    assert (brightness.name, brightness.minimum, brightness.maximum) == ("Brightness", -10, 10)
    assert title.has_payload
    assert pattern.menu == (MenuItem(0, "item 0"), MenuItem(2, "item 2"))


def test_values_are_signed_numbers_or_text_in_guest_memory(
    camera: ScriptedCamera, session: Session
) -> None:
    assert session.get_control(0x980900) == -5
    assert session.set_control(0x980900, -7) == -7
    assert camera.value == -7
    assert session.get_control(0x980910) == "camera"
    assert session.set_control(0x980910, "other") == "other"
    assert camera.title == b"other"


def test_a_string_travels_as_an_sg_list_in_the_readable_part(
    backend: FakeBackend, session: Session
) -> None:
    session.get_control(0x980910)
    assert backend.chains[-1] == ([16, 32, 20, 16], [8, 32, 20])


def test_a_failed_ext_controls_brings_the_controls_back(session: Session) -> None:
    asked = struct.pack("<IIIi4x4xQ", 0, 1, 0, 0, 0x1234) + struct.pack("<II4xq", 0x98FFFF, 0, 0)
    with pytest.raises(GuestIoctlError) as caught:
        session.ioctl("G_EXT_CTRLS", asked)
    assert struct.unpack_from("<I", caught.value.payload, 8) == (1,)


def test_send_initial_events_are_there_with_the_answer(session: Session) -> None:
    session.subscribe(3, 0x980900, 1)
    event = session.next_event(0)
    assert event is not None
    assert (event.type, event.id, event.timestamp_ns) == (3, 0x980900, 1_000_000_005)
    assert session.next_event(0) is None


def test_mmap_gives_the_bytes_of_the_buffer(camera: ScriptedCamera, session: Session) -> None:
    assert session.request_buffers(2, 1, 1) == (2, 3)
    buffer = session.query_buffer(1, 1, 1)
    address, view = session.mmap(buffer.mem_offset)
    view[:4] = b"mine"
    assert camera.mapped == {4096}
    assert (address, len(view), bytes(view[:4])) == (4096, 4096, b"mine")
    session.munmap(address)
    with pytest.raises(GuestIoctlError, match="MUNMAP: EINVAL"):
        session.munmap(0x7000)


def test_buffers_survive_packing() -> None:
    planes = (Plane(1, 2, 3, 4), Plane(5, 6, 7, 8))
    buffer = Buffer(1, 9, 1, 0, 2, 1, 3_000_004_000, 5, 0xABCD, 2, planes)
    assert len(buffer.pack()) == 88 + 128
    assert unpack_buffer(buffer.pack()) == buffer
    single = Buffer(1, 1, 1, m=0x5000, length=100)
    assert unpack_buffer(single.pack()) == single
    assert single.memory_planes() == (Plane(0, 100, 0x5000),)


def test_a_multi_planar_buffer_without_its_planes_has_none() -> None:
    assert unpack_buffer(Buffer(0, 9, 1, length=8).pack()).planes == ()


def test_closing_twice_sends_one_close(backend: FakeBackend, session: Session) -> None:
    session.close()
    session.close()
    assert sum(command[0] == 2 for command in backend.commands) == 1


def test_a_reset_forgets_sessions(backend: FakeBackend, session: Session) -> None:
    session.driver.vmm.reset()
    session.close()
    assert not any(command[0] == 2 for command in backend.commands)


def test_an_mmap_answer_may_be_seen_before_its_mapping(
    session: Session, backend: FakeBackend, camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmm = session.driver.vmm
    backend.media = lambda command, room: media.RESP_MMAP.pack(0, 0, 4096)

    def mapping_comes(timeout: float) -> bool:
        vmm.regions[0].map(camera.fd, 0, 0, 4096, writable=True)
        return True

    monkeypatch.setattr(vmm, "wait", mapping_comes)
    assert len(session.mmap(0)[1]) == 4096
    monkeypatch.undo()
    backend.media = camera
