"""Files and codecs: what playing costs beyond decoding, and decoding against FFmpeg alone."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np

from tests.benchmarks.measure import Row, cpu_seconds
from tests.serving import Serving
from vmedia_bench.backends.codec.coding import CODINGS, Coding
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.m2m import M2mStream, queue_types, set_format
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType, fourcc

WIDTH, HEIGHT = 1920, 1080
FRAMES = 60
LAPS = 6
TURNS = 5
RATE = 30
PLAYED_SECONDS = 6
GUEST_MEMORY = 128 << 20
CAPTURE = int(BufType.VIDEO_CAPTURE)


@dataclass(frozen=True, slots=True)
class Coded:
    """
    A stream to decode: what it is called, its fourcc, and how PyAV encodes it, quickly.

    x264 makes one slice of a picture; with slice threads, PyAV's default, as many as processors,
    and FFmpeg decodes them on as many.
    """

    what: str
    code: str
    encoder: str
    options: dict[str, str]
    threads: str = "SLICE"

    @property
    def coding(self) -> Coding:
        """What the device calls it."""
        return CODINGS[fourcc(self.code)]


X264 = {"preset": "ultrafast", "crf": "24", "g": "30"}
_AT_ONCE = {"deadline": "realtime", "cpu-used": "8", "b": "8M"}
CODED = (
    Coded("H.264", "H264", "libx264", X264, "FRAME"),
    Coded("H.264, pictures in slices", "H264", "libx264", X264),
    Coded("HEVC", "HEVC", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    Coded("VP8", "VP80", "libvpx", _AT_ONCE),
    Coded("VP9", "VP90", "libvpx-vp9", _AT_ONCE),
    Coded("AV1", "AV01", "libsvtav1", {"preset": "12", "b": "8M"}),
    Coded("MPEG-2", "MPG2", "mpeg2video", {"b": "8M"}),
)


def run() -> Iterator[Row]:
    """Rows for the file backend's processor time and for the decoder's frames a second."""
    # SVT-AV1 says much else.
    os.environ.setdefault("SVT_LOG", "1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movie = folder / "movie.mp4"
        _make_movie(movie)
        yield _file_row(folder, movie)
        for coded in CODED:
            measured, ratio = _decoded(folder, coded, _make_packets(coded))
            yield Row(f"decoder, 1080p {coded.what}", measured, ">= 0.8 x", ratio >= 0.8)


def _frames() -> Iterator[av.VideoFrame]:
    """1080p with as much going on as a camera shows."""
    noise = np.random.default_rng(1).integers(0, 40, (HEIGHT + FRAMES, WIDTH), np.uint8)
    ramp = np.linspace(40, 200, WIDTH).astype(np.uint8)[None, :]
    for number in range(FRAMES):
        planar = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        planar[:HEIGHT] = noise[number : number + HEIGHT] + np.roll(ramp, 8 * number, axis=1)
        frame = av.VideoFrame.from_ndarray(planar, format="yuv420p")
        frame.pts = number
        yield frame


def _make_movie(path: Path) -> None:
    """An H.264 file."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = X264
        for frame in _frames():
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _make_packets(coded: Coded) -> list[bytes]:
    """Packets of a stream; of H.264, Annex B."""
    context: Any = av.CodecContext.create(coded.encoder, "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.options = coded.options
    context.thread_type = coded.threads
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE)
    packets: list[bytes] = []
    for frame in _frames():
        packets += map(bytes, context.encode(frame))
    packets += map(bytes, context.encode(None))
    return packets


def _family(pid: int) -> float:
    """Processor seconds of a bench and its helpers."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(cpu_seconds, [pid, *map(int, children)]))


def _file_row(folder: Path, movie: Path) -> Row:
    """1080p30 as NV12 in real time, less what decoding the same frames takes."""
    options = ("--backend", "file", "--set", f"path={movie}", "--set", "format=NV12")
    frames = PLAYED_SECONDS * RATE
    with (
        Serving(folder / "file.sock", "--name", f"file{os.getpid()}", *options) as bench,
        Vmm.connect(bench.socket, memory_size=GUEST_MEMORY) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        for _ in stream.frames(RATE):
            pass
        before = _family(bench.pid)
        for _ in stream.frames(frames):
            pass
        spent = _family(bench.pid) - before
    decoding = _decoding_seconds(movie, frames)
    share = 100 * (spent - decoding) / PLAYED_SECONDS
    whole = 100 * spent / PLAYED_SECONDS
    measured = f"{share:.1f} % of a core (of {whole:.1f} %)"
    return Row("file, 1080p30, beyond decoding", measured, "< 15 %", share < 15)


def _decoding_seconds(movie: Path, frames: int) -> float:
    """Processor time of decoding alone."""
    before = time.process_time()
    done = 0
    while done < frames:
        with av.open(str(movie)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for _ in container.decode(video=0):
                done += 1
                if done == frames:
                    break
    return time.process_time() - before


def _decoded(folder: Path, coded: Coded, packets: Sequence[bytes]) -> tuple[str, float]:
    """
    Frames a second that a guest gets out of the decoder, and that FFmpeg has by itself.

    They take turns; gives the medians in words, and their ratio.
    """
    device, alone = [], []
    # With room for one session no process is started for the next while this one is measured.
    options = ("--backend", "codec", "--set", "sessions=1")
    with (
        Serving(folder / "codec.sock", "--name", f"codec{os.getpid()}", *options) as bench,
        Vmm.connect(bench.socket, memory_size=GUEST_MEMORY) as vmm,
    ):
        driver = Driver(vmm)
        for _ in range(TURNS):
            alone.append(_alone(coded, packets))
            device.append(_by_device(driver, coded, packets))
    ours, theirs = median(device), median(alone)
    ratio = ours / theirs
    return f"{ours:.0f}/s, FFmpeg alone {theirs:.0f}/s: {ratio:.2f} x", ratio


def _alone(coded: Coded, packets: Sequence[bytes]) -> float:
    context: Any = av.CodecContext.create(coded.coding.decoder, "r")
    started = time.perf_counter()
    done = 0
    for _ in range(LAPS):
        for data in packets:
            done += len(context.decode(av.Packet(data)))
    done += len(context.decode(None))
    return done / (time.perf_counter() - started)


def _by_device(driver: Driver, coded: Coded, packets: Sequence[bytes]) -> float:
    with driver.open() as session:
        output_type, capture_type = queue_types(session)
        set_format(session, output_type, coded.coding.pixelformat, (WIDTH, HEIGHT), 1 << 20)
        with M2mStream(session, output_type) as output, M2mStream(session, capture_type) as capture:
            capture.queue_all()
            output.stream_on()
            capture.stream_on()
            waiting = [data for _ in range(LAPS) for data in packets]
            total, done, sent, started = len(waiting), 0, 0, 0.0
            # The last few stay inside: no drain is measured.
            while done < total - 8:
                while sent < total and (output.idle or output.poll() is not None):
                    output.send([waiting[sent]], timestamp_ns=(sent + 1) * 1_000_000)
                    sent += 1
                while (frame := capture.poll()) is not None:
                    capture.requeue(frame)
                    started = started or time.perf_counter()
                    done += 1
                driver.wait_event(0.1)
            return (done - 1) / (time.perf_counter() - started)
