"""The file camera at work: controls, ends, the death of its process, and files it refuses."""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import wave
import zlib
from collections.abc import Callable
from errno import EIO
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image

from tests.backends.samples import (
    gigantic_jpeg,
    number_of,
    picture,
    write_gif,
    write_video,
    write_y4m,
)
from tests.backends.served import Served, driver_of, helpers, session_of
from tests.reactor import Host
from vmedia_bench.backends import BACKENDS
from vmedia_bench.backends.file.controls import CID_LOOP, CID_POSITION, CID_SPEED
from vmedia_bench.backends.file.opening import open_media
from vmedia_bench.backends.file.options import FileOptions
from vmedia_bench.backends.file.source import FileSource
from vmedia_bench.guest.errors import BackendError
from vmedia_bench.guest.m2m import wait_for_event
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.picture.rgb import to_rgb
from vmedia_bench.v4l2.formats import initial_format
from vmedia_bench.wire.structs import EVENT_SUBSCRIPTION
from vmedia_bench.wire.v4l2 import BufType, EventType

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import SourceHost

CAPTURE = int(BufType.VIDEO_CAPTURE)
FRAMES = 24
FPS = 25
LIMIT_S = 10
HANGS_AFTER_S = 20
NS = 1_000_000_000


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    return write_y4m(tmp_path / "movie.y4m", [picture(number) for number in range(FRAMES)])


def number(session: Session, stream: Stream, frame: Frame) -> int:
    return number_of(to_rgb(session.get_format(CAPTURE), stream.copy(frame)))


def subscribe(session: Session, kind: EventType) -> None:
    session.ioctl("SUBSCRIBE_EVENT", EVENT_SUBSCRIPTION.pack(kind, 0, 0))


def test_a_paced_camera_shows_each_picture_once(movie: Path, tmp_path: Path) -> None:
    with (
        Served(tmp_path / "vm.sock", "file", path=str(movie)) as bench,
        session_of(bench) as session,
    ):
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = {f.sequence: number(session, stream, f) for f in stream.frames(FRAMES)}
        first = next(iter(shown))
        assert [(number - (at - first)) % FRAMES for at, number in shown.items()] == [0] * FRAMES


def test_it_can_be_sought_and_paused(movie: Path, tmp_path: Path) -> None:
    with (
        Served(tmp_path / "vm.sock", "file", path=str(movie)) as bench,
        session_of(bench) as session,
    ):
        session.set_control(CID_SPEED, 0)
        session.set_control(CID_POSITION, 10 * 1000 // FPS)
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            assert [number(session, stream, f) for f in stream.frames(3)] == [10] * 3
            session.set_control(CID_POSITION, 20 * 1000 // FPS)
            found = {number(session, stream, f) for f in stream.frames(12)}
            assert found <= {10, 20}
            assert 20 in found
            assert session.get_control(CID_POSITION) == 20 * 1000 // FPS
            session.set_control(CID_SPEED, 400)
            assert any(number(session, stream, f) not in {10, 20} for f in stream.frames(8))


def test_a_file_that_does_not_loop_ends_with_an_event(movie: Path, tmp_path: Path) -> None:
    options = {"path": str(movie), "loop": "no", "fps": "0"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench, session_of(bench) as session:
        subscribe(session, EventType.EOS)
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = [number(session, stream, frame) for frame in stream.frames(FRAMES)]
            assert shown == list(range(FRAMES))
            wait_for_event(session, EventType.EOS)
            session.set_control(CID_POSITION, 0)
            assert number(session, stream, stream.next_frame()) == 0
            session.set_control(CID_LOOP, 1)
            for index in stream.idle:
                stream.queue(index)
            assert len(list(stream.frames(2 * FRAMES))) == 2 * FRAMES


def test_streaming_again_goes_on_where_it_stopped(movie: Path, tmp_path: Path) -> None:
    options = {"path": str(movie), "fps": "0"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench, session_of(bench) as session:
        last = []
        for _ in range(2):
            with Stream(session, CAPTURE) as stream:
                stream.queue_all()
                stream.stream_on()
                last += [number(session, stream, frame) for frame in stream.frames(6)]
        assert last[6] >= last[5]


def test_the_death_of_its_process_ends_the_session_not_the_bench(
    movie: Path, tmp_path: Path
) -> None:
    with Served(tmp_path / "vm.sock", "file", path=str(movie)) as bench, driver_of(bench) as driver:
        with driver.open() as session:
            with pytest.raises(BackendError, match="ended the session with"):
                lose_the_helper(bench, session)
            assert session.error == EIO
        with driver.open() as session, Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            assert len(list(stream.frames(3))) == 3
        assert bench.alive


def lose_the_helper(bench: Served, session: Session) -> None:
    """Stream, and take frames after the helper process was killed until none come."""
    stream = Stream(session, CAPTURE)
    stream.queue_all()
    stream.stream_on()
    stream.next_frame()
    (helper,) = helpers(bench.pid)
    os.kill(helper, signal.SIGKILL)
    while True:
        stream.next_frame()


def test_a_process_that_hangs_is_killed_and_the_next_stream_has_another(movie: Path) -> None:
    others = set(helpers(os.getpid()))
    source = BACKENDS["file"].build(path=movie)
    assert isinstance(source, FileSource)
    (stuck,) = set(helpers(os.getpid())) - others
    os.kill(stuck, signal.SIGSTOP)
    host = Host()
    source.attach(cast("SourceHost", host))
    fmt = initial_format(source, CAPTURE)
    source.start(fmt, Fraction(1, FPS))
    for _ in range(HANGS_AFTER_S - 1):
        host.reactor.let_pass(NS)
    assert host.failures == []
    host.reactor.let_pass(NS)
    assert host.failures == [EIO]
    source.stop(CAPTURE)
    source.start(fmt, Fraction(1, FPS))
    assert set(helpers(os.getpid())) - others - {stuck}
    source.detach()


def test_its_process_ends_with_the_bench(movie: Path, tmp_path: Path) -> None:
    with Served(tmp_path / "vm.sock", "file", path=str(movie)) as bench:
        (helper,) = helpers(bench.pid)
        pidfd = os.pidfd_open(helper)
        bench.process.kill()
        assert select.select([pidfd], [], [], LIMIT_S)[0]
        os.close(pidfd)


# Files that cannot be played: (how to make one, what the line says).


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def text(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("no picture\n" * 99)
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def huge_png(folder: Path) -> Path:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", bytes(64))
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return folder / "huge.png"


def huge_mjpeg(folder: Path) -> Path:
    (folder / "huge.mjpg").write_bytes(gigantic_jpeg())
    return folder / "huge.mjpg"


def cut_png(folder: Path) -> Path:
    Image.effect_noise((200, 200), 50).save(folder / "cut.png")
    return cut(folder / "cut.png", 3000)


def headless_mp4(folder: Path) -> Path:
    return cut(write_video(folder / "cut.mp4", [picture(0)] * 10), 900)


def frameless_y4m(folder: Path) -> Path:
    return cut(write_y4m(folder / "none.y4m", [picture(0)]), 200)


def deep_y4m(folder: Path) -> Path:
    path = folder / "deep.y4m"
    path.write_bytes(b"YUV4MPEG2 W16 H16 F25:1 C420p10\nFRAME\n" + bytes(2000))
    return path


def senseless_y4m(folder: Path) -> Path:
    path = folder / "senseless.y4m"
    path.write_bytes(b"YUV4MPEG2 Wx H16\nFRAME\n" + bytes(2000))
    return path


def sound(folder: Path) -> Path:
    with wave.open(str(folder / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return folder / "tone.wav"


def blank_mjpeg(folder: Path) -> Path:
    path = folder / "blank.mjpeg"
    path.write_bytes(bytes(5000))
    return path


def headerless(folder: Path) -> Path:
    path = folder / "frames.yuv"
    path.write_bytes(b"\x80" * 5000)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder, "a folder"),
        (fifo, "not a regular file"),
        (empty, "empty"),
        (text, "text, no picture"),
        (huge_png, "too large|larger than"),
        (huge_mjpeg, "exceeds limit"),
        (cut_png, "cannot be decoded"),
        (headless_mp4, "no picture or video|no frame"),
        (frameless_y4m, "without a whole frame"),
        (deep_y4m, "8 bits"),
        (senseless_y4m, "makes no sense"),
        (sound, "no video track"),
        (blank_mjpeg, "no JPEG"),
        (headerless, "raw_format"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused_in_one_line(
    make: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with pytest.raises(ValueError, match=says) as refusal:
        BACKENDS["file"].build(path=path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_told_from_one_that_cannot_be_played(tmp_path: Path) -> None:
    path = tmp_path / "absent.png"
    with pytest.raises(FileNotFoundError, match="No such file") as refusal:
        BACKENDS["file"].build(path=path)
    assert str(refusal.value).startswith(str(path))


def test_raw_frames_of_the_wrong_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "little"
    path.write_bytes(bytes(100))
    with pytest.raises(ValueError, match="raw_size"):
        BACKENDS["file"].build(path=path, raw_format="NV12", raw_size=(640, 480))


def test_a_truncated_video_plays_to_where_it_ends(tmp_path: Path) -> None:
    pictures = [picture(at) for at in range(FRAMES)]
    whole = write_video(tmp_path / "movie.ts", pictures, "mpeg2video", options={"g": "6"})
    path = cut(whole, whole.stat().st_size * 2 // 3)
    options = {"path": str(path), "fps": "0"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench, session_of(bench) as session:
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = [number(session, stream, frame) for frame in stream.frames(3 * FRAMES)]
        assert shown[:6] == [0, 1, 2, 3, 4, 5]
        assert shown.count(0) > 1


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "movie.mjpeg"
    good = tmp_path / "one.jpg"
    with path.open("wb") as file:
        for at in range(FRAMES):
            Image.fromarray(picture(at)).save(good, quality=95)
            data = good.read_bytes()
            file.write(data if at % 3 < 2 else b"\xff\xd8\xff\xd9")
    options = {"path": str(path), "fps": "0", "format": "RGB3"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench, session_of(bench) as session:
        with Stream(session, CAPTURE) as stream:
            stream.queue_all()
            stream.stream_on()
            shown = [number(session, stream, frame) for frame in stream.frames(8)]
        assert shown == [0, 1, 3, 4, 6, 7, 9, 10]


def test_without_pyav_videos_are_refused_and_the_rest_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_video(tmp_path / "movie.mp4", [picture(0)] * 3)
    animation = write_gif(tmp_path / "movie.gif", [picture(0), picture(1)])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(Exception, match=r"pip install 'vmedia-bench\[av\]'"):
        open_media(FileOptions(path=video))
    assert open_media(FileOptions(path=animation)).info.kind == "GIF animation"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"speed": -1}, "0 to 1600"),
        ({"start": -1.0}, "0 seconds"),
        ({"size": (641, 480)}, "even"),
        ({"format": "H264"}, "YUYV"),
        ({"fps": 500}, "120"),
        ({"raw_format": "NV12"}, "both"),
        ({"raw_format": "H264", "raw_size": (64, 64)}, "NV12"),
        ({"raw_format": "NV12", "raw_size": (63, 64)}, "even"),
        ({"raw_fps": 0}, "raw_fps"),
        ({"card": ""}, "32 bytes"),
    ],
)
def test_refusals_name_what_there_is(options: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        BACKENDS["file"].build(path=Path("x"), **options)
