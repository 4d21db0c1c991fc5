"""The sink: what the guest writes can be seen, and is recorded frame by frame."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from PIL import Image

from tests.backends.samples import (
    HEIGHT,
    WIDTH,
    Rgb,
    gigantic_jpeg,
    number_of,
    nv12,
    picture,
    psnr,
    yu12,
)
from tests.backends.served import Served, helpers, session_of
from tests.end_to_end.bench import complaints
from tests.reactor import Host
from vmedia_bench.backends import BACKENDS
from vmedia_bench.backends.file.canvas import Canvas
from vmedia_bench.backends.file.opening import open_media
from vmedia_bench.backends.file.options import FileOptions
from vmedia_bench.backends.sink.source import SinkSource
from vmedia_bench.control.client import Client
from vmedia_bench.guest.m2m import M2mStream, set_format
from vmedia_bench.guest.session import Session
from vmedia_bench.v4l2.formats import initial_format
from vmedia_bench.v4l2.source import Frame
from vmedia_bench.wire.v4l2 import BufType, fourcc

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import SourceHost

OUTPUT = int(BufType.VIDEO_OUTPUT)
FRAMES = 15
HANGS_AFTER_NS = 20_000_000_000
LIMIT_S = 20


@contextmanager
def output(
    session: Session, code: str, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Iterator[M2mStream]:
    """An output queue that streams."""
    set_format(session, OUTPUT, fourcc(code), size)
    with M2mStream(session, OUTPUT) as stream:
        stream.stream_on()
        yield stream
        while len(stream.idle) < stream.count:
            stream.next_frame()
        assert stream.violations == []


def encoded(code: str, pixels: Rgb, folder: Path) -> bytes:
    """A frame in one of the pixel formats."""
    if code == "MJPG":
        Image.fromarray(pixels).save(folder / "one.jpg", quality=95)
        return (folder / "one.jpg").read_bytes()
    if code == "GREY":
        return np.asarray(Image.fromarray(pixels).convert("L")).tobytes()
    if code == "RGB3":
        return pixels.tobytes()
    return {"YU12": yu12, "NV12": nv12}[code](pixels)


def played(path: Path) -> list[Rgb]:
    """Every frame of a recording, as RGB."""
    reader = open_media(FileOptions(path=path))
    canvas = Canvas(fourcc("RGB3"), reader.info.size)
    frames = []
    for shot in reader.play(0):
        out = np.zeros(canvas.length, np.uint8)
        shot.picture.paint(canvas, out)
        frames.append(out.reshape(canvas.size[1], canvas.size[0], 3))
    return frames


def test_the_newest_frame_can_be_seen(tmp_path: Path) -> None:
    with Served(tmp_path / "vm.sock", "sink") as bench, session_of(bench) as session:
        with output(session, "RGB3") as stream:
            for number in range(3):
                stream.send([picture(number).tobytes()])
            while len(stream.idle) < stream.count:
                stream.next_frame()
            with Client.connect(str(bench.control)) as client:
                told, fd = client.call_with_fd("frames.get")
            assert fd is not None
            with os.fdopen(fd, "rb") as file:
                data = file.read()
        assert (told["fourcc"], told["width"], told["height"]) == ("RGB3", WIDTH, HEIGHT)
        assert data == picture(2).tobytes()


@pytest.mark.parametrize("code", ["YU12", "NV12", "RGB3", "GREY", "MJPG"])
def test_a_y4m_recording_has_every_frame(code: str, tmp_path: Path) -> None:
    path = tmp_path / "out.y4m"
    with Served(tmp_path / "vm.sock", "sink", record=str(path)) as bench:
        with session_of(bench) as session:
            with output(session, code) as stream:
                for number in range(FRAMES):
                    stream.send([encoded(code, picture(number), tmp_path)])
            bench.wait_for(f"recorded {FRAMES} frames")
        frames = played(path)
        assert [number_of(frame) for frame in frames] == list(range(FRAMES))
        if code != "GREY":
            assert min(psnr(frame, picture(at)) for at, frame in enumerate(frames)) > 34
        if code == "YU12":
            header, _, rest = path.read_bytes().partition(b"\n")
            assert b"F30:1" in header
            assert rest == b"".join(b"FRAME\n" + yu12(picture(at)) for at in range(FRAMES))
        assert complaints(bench.lines) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_video_recording(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    with (
        Served(tmp_path / "vm.sock", "sink", record=str(path)) as bench,
        session_of(bench) as session,
    ):
        session.set_interval(OUTPUT, Fraction(1, 25))
        with output(session, "NV12") as stream:
            for number in range(FRAMES):
                stream.send([nv12(picture(number))])
        bench.wait_for(f"recorded {FRAMES} frames")
    frames = played(path)
    assert [number_of(frame) for frame in frames] == list(range(FRAMES))
    assert min(psnr(frame, picture(at)) for at, frame in enumerate(frames)) > 30
    assert open_media(FileOptions(path=path)).info.rate == 25


def test_every_streamon_begins_a_file_and_none_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out.y4m"
    path.write_text("dear to somebody")
    with (
        Served(tmp_path / "vm.sock", "sink", record=str(path)) as bench,
        session_of(bench) as session,
    ):
        for number in range(2):
            with output(session, "YU12") as stream:
                stream.send([yu12(picture(number))])
            bench.wait_for("recorded 1 frames")
    assert path.read_text() == "dear to somebody"
    for number, name in enumerate(("out-2.y4m", "out-3.y4m")):
        (frame,) = played(tmp_path / name)
        assert number_of(frame) == number


def test_what_is_no_picture_is_left_out_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "out.y4m"
    with (
        Served(tmp_path / "vm.sock", "sink", record=str(path)) as bench,
        session_of(bench) as session,
    ):
        with output(session, "MJPG") as stream:
            for data in (b"nonsense", gigantic_jpeg(), encoded("MJPG", picture(3), tmp_path)):
                stream.send([data])
        bench.wait_for("recorded 1 frames")
    assert len(played(path)) == 1


def test_a_recorder_that_dies_does_not_end_the_display(tmp_path: Path) -> None:
    options = {"record": str(tmp_path / "out.y4m")}
    with Served(tmp_path / "vm.sock", "sink", **options) as bench, session_of(bench) as session:
        with output(session, "YU12") as stream:
            stream.send([yu12(picture(0))])
            bench.wait_for("recording to")
            (helper,) = helpers(bench.pid)
            os.kill(helper, signal.SIGKILL)
            bench.wait_for("nothing is recorded from now on")
            for number in range(FRAMES):
                stream.send([yu12(picture(number))])
        with output(session, "YU12") as stream:
            stream.send([yu12(picture(0))])
        bench.wait_for("recorded 1 frames")
        assert bench.alive


def test_a_recorder_that_hangs_is_killed_and_the_display_goes_on(tmp_path: Path) -> None:
    others = set(helpers(os.getpid()))
    source = BACKENDS["sink"].build(record=tmp_path / "out.y4m")
    assert isinstance(source, SinkSource)
    host = Host()
    source.attach(cast("SourceHost", host))
    fmt = initial_format(source, OUTPUT)
    source.start(fmt, Fraction(1, 30))
    (stuck,) = set(helpers(os.getpid())) - others
    ended = os.pidfd_open(stuck)
    os.kill(stuck, signal.SIGSTOP)
    frame, planes = Frame(0, 0, Fraction(0)), [Zeros(fmt.planes[0].sizeimage)]
    used = [planes[0].length]
    while source.drain(frame, planes, used):
        assert host.woken == 0
    host.reactor.let_pass(HANGS_AFTER_NS - 1)
    assert not source.drain(frame, planes, used)
    host.reactor.let_pass(1)
    assert host.woken == 1
    assert source.drain(frame, planes, used)
    assert host.failures == []
    source.detach()
    assert select.select([ended], [], [], LIMIT_S)[0]
    os.close(ended)


class Zeros:
    """A plane that a guest has filled with zeros."""

    def __init__(self, length: int) -> None:
        self.length = length

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.length)[offset : offset + length]

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        raise NotImplementedError


def test_a_paced_display_takes_its_time(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "vm.sock", "sink", fps="120") as bench,
        session_of(bench) as session,
        output(session, "GREY", (32, 32)) as stream,
    ):
        frames = []
        for _ in range(6):
            stream.send([bytes(32 * 32)])
            frames.append(stream.next_frame())
    passed = frames[-1].timestamp_ns - frames[0].timestamp_ns
    steps = frames[-1].sequence - frames[0].sequence
    assert abs(passed - steps * 1_000_000_000 // 120) < 2000


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"format": "H264"}, "MJPG"),
        ({"fps": 1000}, "120"),
        ({"size": (31, 32)}, "even"),
        ({"card": "x" * 40}, "32 bytes"),
        ({"record": Path("out.txt")}, ".y4m"),
        ({"record": Path("/nowhere/out.y4m")}, "not a folder"),
    ],
)
def test_refusals_name_what_there_is(options: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        BACKENDS["sink"].build(**options)
