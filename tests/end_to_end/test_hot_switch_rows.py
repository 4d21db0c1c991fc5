"""From source to source at 30 frames/s under a guest: no frame is lost, torn or from before.

Every byte of every frame is looked at. A machine that is busy with other things may be late for a
frame in the middle of a source's stream, by the clock too, or else the stream's checks complain;
between the last frame of one source and the first of the next there is never a gap. A source with
a process of its own may show a frame late, and its rows tell.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest

from tests.backends.served import helpers
from tests.end_to_end.bench import Bench, complaints
from tests.end_to_end.guests import queue_type, session_of
from tests.plugins.packages import Packages
from tests.plugins.rows import add_rows
from vmedia_bench.backends import BACKENDS
from vmedia_bench.control.client import Client
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.stream import Frame, Stream
from vmedia_bench.v4l2.formats import initial_format
from vmedia_bench.v4l2.planes import MappedPlane
from vmedia_bench.v4l2.source import Frame as Due
from vmedia_bench.v4l2.source import VideoSource
from vmedia_bench.wire.v4l2 import fourcc, is_multiplanar

SIZE = (320, 240)
FPS = 30
BUFFERS = 16
BETWEEN = 10
FILED = 16
LIMIT_S = 20
FILE_MARK = 200
OUTSIDE = {1, 3, 4, FILE_MARK}
PATTERN = {"size": "320x240", "fps": str(FPS), "text": "no", "motion": "4"}

Use = Callable[[str, dict[str, str]], list[int]]


class Seen(NamedTuple):
    """A frame: whose it is, its number in the stream, and the one that is written in it."""

    mark: int
    sequence: int
    written: int


class Judge:
    """Says whose a frame is, from its pixels alone."""

    def __init__(self, mplane: bool) -> None:
        self.rows = import_module("rows_camera")
        source = BACKENDS["pattern"].build_from_text(
            PATTERN | {"mplane": str(mplane), "format": "NM12" if mplane else "NV12"}
        )
        assert isinstance(source, VideoSource)
        fmt = initial_format(source, int(source.buf_types[0]))
        source.start(fmt, source.default_interval())
        self.pattern = source
        self.sizes = [plane.sizeimage for plane in fmt.planes]

    def __call__(self, frame: Frame) -> Seen:
        planes = [bytes(plane) for plane in frame.planes]
        if planes == self.pattern_at(frame.sequence):
            return Seen(0, frame.sequence, frame.sequence)
        mark, number = self.rows.identity(planes[0])
        # A file's picture is numbered in the file.
        for plane, pixels in enumerate(planes):
            whole = self.rows.picture(mark, number, plane if mark != FILE_MARK else 0, len(pixels))
            assert pixels == whole, f"frame {frame.sequence} is torn: {mark}, {number}"
        return Seen(mark, frame.sequence, number)

    def pattern_at(self, sequence: int) -> list[bytes]:
        data = [bytearray(size) for size in self.sizes]
        due = Due(sequence, 0, self.pattern.default_interval())
        assert self.pattern.fill(due, [MappedPlane(memoryview(plane)) for plane in data])
        return [bytes(plane) for plane in data]


@pytest.fixture(params=["splane", "mplane"])
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """A bench with a moving pattern."""
    packages = Packages(tmp_path, monkeypatch)
    add_rows(packages)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(packages.folder), str(Path.cwd()))))
    options = [f"--{request.param}", "--size", "320x240", "--fps", str(FPS), "--no-text"]
    with Bench(tmp_path / "vm.sock", *options, "--motion", "4") as bench:
        yield bench
        log = bench.stop()
    assert complaints(log.splitlines()) == []
    sys.modules.pop("rows_camera", None)


@pytest.fixture(params=["operation", "command line"])
def use(request: pytest.FixtureRequest, bench: Bench) -> Use:
    """Changes the backend hot; gives the sessions that were kept."""

    def by_operation(backend: str, options: dict[str, str]) -> list[int]:
        with Client.connect(str(bench.control)) as client:
            done = client.call("backends.use", backend=backend, options=options, mode="hot")
        kept: list[int] = done["sessions_kept"]
        return kept

    def by_command(backend: str, options: dict[str, str]) -> list[int]:
        command = [sys.executable, "-m", "vmedia_bench", "backend", "use", backend, "--hot"]
        command += [
            part for name, value in options.items() for part in ("--set", f"{name}={value}")
        ]
        env = os.environ | {"XDG_RUNTIME_DIR": str(bench.socket.parent)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        _, _, kept = done.stdout.partition("sessions kept: ")
        return [int(number) for number in kept.partition(";")[0].split(",")]

    return by_operation if request.param == "operation" else by_command


def watch(stream: Stream, judge: Judge, until: Future[Any] | None = None) -> Iterator[Seen]:
    """Some frames, and those until something is done."""
    left = BETWEEN
    while left or (until is not None and not until.done()):
        frame = stream.next_frame()
        yield judge(frame)
        stream.requeue(frame)
        left = max(0, left - 1)


def test_no_frame_is_lost_torn_or_stale(bench: Bench, use: Use, tmp_path: Path) -> None:
    with session_of(bench) as session, ThreadPoolExecutor(1) as pool:
        buf_type = queue_type(session.driver.vmm)
        mplane = is_multiplanar(buf_type)
        judge = Judge(mplane)
        film = tmp_path / "film.raw"
        write_film(film, judge)
        common = {"mplane": str(mplane)}
        code = "NM12" if mplane else "NV12"
        filed = {"path": str(film), "raw_format": code, "raw_size": "320x240"}
        steps: list[tuple[str, dict[str, str], int]] = [
            ("rows", {"mark": "1"}, 1),
            ("rows-inside", {"mark": "2"}, 2),
            ("file", filed | {"raw_fps": str(FPS), "size": "320x240"}, FILE_MARK),
            ("pattern", PATTERN, 0),
            ("rows", {"mark": "3"}, 3),
            ("rows", {"mark": "4"}, 4),
            ("pattern", PATTERN, 0),
            ("rows-inside", {"mark": "5"}, 5),
        ]
        session.set_format(VideoFormat(buf_type, *SIZE, fourcc(code)))
        with Stream(session, buf_type, count=BUFFERS) as stream:
            stream.queue_all()
            stream.stream_on()
            seen = list(watch(stream, judge))
            for backend, options, _ in steps:
                change = pool.submit(use, backend, options | common)
                seen += watch(stream, judge, change)
                assert change.result() == [session.id]
                seen += watch(stream, judge)
            assert stream.violations == []
    changes = [(a, b) for a, b in pairwise(seen) if a.mark != b.mark]
    assert [after.mark for _, after in changes] == [mark for *_, mark in steps]
    for before, after in pairwise(seen):
        if before.mark != after.mark:
            assert after.sequence == before.sequence + 1, (before, after)
        if after.mark not in OUTSIDE:
            assert after.written == after.sequence
        elif after.mark != FILE_MARK:
            assert after.written <= after.sequence
            assert after.written > before.written or before.mark == FILE_MARK, (before, after)


def test_the_frames_that_a_source_owes_are_those_of_the_next(bench: Bench) -> None:
    with session_of(bench) as session, Client.connect(str(bench.control)) as client:
        buf_type = queue_type(session.driver.vmm)
        mplane = is_multiplanar(buf_type)
        judge = Judge(mplane)
        common = {"mplane": str(mplane)}
        code = fourcc("NM12" if mplane else "NV12")
        session.set_format(VideoFormat(buf_type, *SIZE, code))
        client.call("backends.use", backend="rows", options=common | {"mark": "1"}, mode="hot")
        with Stream(session, buf_type, count=BUFFERS) as stream:
            stream.queue_all()
            stream.stream_on()
            seen = [judge(stream.next_frame())]
            (process,) = helpers(bench.pid)
            os.kill(process, signal.SIGSTOP)
            limit = monotonic() + LIMIT_S
            while owed(client) < 3:
                assert monotonic() < limit, "the stream does not wait for its source"
            client.call("backends.use", backend="pattern", options=PATTERN | common, mode="hot")
            os.kill(process, signal.SIGCONT)
            while seen[-1].mark:
                seen.append(judge(stream.next_frame()))
            assert stream.violations == []
    assert seen[-1].sequence == seen[-2].sequence + 1


def owed(client: Client) -> int:
    """Numbers of the stream that no frame has, and that are not lost yet."""
    (queue,) = client.call("buffers.list")["queues"]
    assert isinstance(queue, dict)
    return int(queue["sequence"] - queue["frames"] - queue["dropped"])


def write_film(path: Path, judge: Judge) -> None:
    """Numbered pictures, raw."""
    with path.open("wb") as film:
        for number in range(FILED):
            for size in judge.sizes:
                film.write(judge.rows.picture(FILE_MARK, number, 0, size))
