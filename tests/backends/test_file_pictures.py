"""What a file camera shows, pixel by pixel, through a real socket; and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.backends.samples import (
    HEIGHT,
    WIDTH,
    Rgb,
    number_of,
    nv12,
    picture,
    psnr,
    write_gif,
    write_mjpeg,
    write_video,
    write_y4m,
)
from tests.backends.served import Served, session_of
from tests.end_to_end.bench import complaints
from tests.end_to_end.guests import queue_type
from vmedia_bench.guest.m2m import set_format
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.picture.rgb import to_rgb
from vmedia_bench.wire.v4l2 import fourcc

FRAMES = 20
FORMATS = "YUYV UYVY NV12 YU12 RGB3 BGR3 RGB4 BGR4 XR24 BX24 XB24 GREY MJPG NM12 YM12".split()  # noqa: SIM905


def shots(session: Session, count: int = 1) -> Iterator[Rgb]:
    """So many frames as RGB."""
    buf_type = queue_type(session.driver.vmm)
    fmt = session.get_format(buf_type)
    with Stream(session, buf_type) as stream:
        stream.queue_all()
        stream.stream_on()
        for frame in stream.frames(count):
            yield to_rgb(fmt, stream.copy(frame))
        assert stream.violations == []


def first_shot(bench: Served) -> Rgb:
    with session_of(bench) as session:
        return next(shots(session))


def still(folder: Path) -> Path:
    path = folder / "still.png"
    Image.fromarray(picture(3)).save(path)
    return path


def raw(folder: Path) -> Path:
    path = folder / "frames.nv12"
    path.write_bytes(b"".join(nv12(picture(number)) for number in range(FRAMES)))
    return path


def pictures() -> list[Rgb]:
    return [picture(number) for number in range(FRAMES)]


MOVIES: dict[str, Callable[[Path], Path]] = {
    "y4m": lambda folder: write_y4m(folder / "movie.y4m", pictures()),
    "gif": lambda folder: write_gif(folder / "movie.gif", pictures()),
    "mjpeg": lambda folder: write_mjpeg(folder / "movie.mjpeg", pictures()),
    "raw": raw,
    "mp4": lambda folder: write_video(folder / "movie.mp4", pictures()),
    "mkv": lambda folder: write_video(folder / "movie.mkv", pictures(), "libx265"),
    "webm": lambda folder: write_video(folder / "movie.webm", pictures(), "libvpx-vp9"),
    "avi": lambda folder: write_video(folder / "movie.avi", pictures(), "mpeg4"),
    "ts": lambda folder: write_video(folder / "movie.ts", pictures(), "mpeg2video"),
}
RAW = {"raw_format": "NV12", "raw_size": f"{WIDTH}x{HEIGHT}", "raw_fps": "25"}


@pytest.fixture(scope="module", params=["no", "yes"])
def photo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("photo")
    options = {"path": str(still(folder)), "fps": "0", "mplane": request.param}
    with Served(folder / "vm.sock", "file", **options) as bench:
        yield bench
        assert complaints(bench.lines) == []


@pytest.mark.parametrize("code", FORMATS)
def test_a_picture_in_every_format(photo: Served, code: str) -> None:
    with session_of(photo) as session:
        buf_type = queue_type(session.driver.vmm)
        if fourcc(code) not in [entry.pixelformat for entry in session.enum_formats(buf_type)]:
            assert code in {"NM12", "YM12"}
            return
        set_format(session, buf_type, fourcc(code))
        shown = next(shots(session))
        expected = picture(3)
        if code == "GREY":
            luma = expected @ np.array((0.299, 0.587, 0.114))
            expected = np.repeat(luma[..., None], 3, axis=2).round().astype(np.uint8)
        assert shown.shape == expected.shape
        assert psnr(shown, expected) > 38


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (160, 120)])
def test_another_size_is_scaled_and_letterboxed(photo: Served, width: int, height: int) -> None:
    with session_of(photo) as session:
        buf_type = queue_type(session.driver.vmm)
        set_format(session, buf_type, fourcc("RGB3"), (width, height))
        shown = next(shots(session))
    inner = min(width, height * 4 // 3)
    left = (width - inner) // 2
    assert psnr(shown[:, left : left + inner], picture(3, inner, height)) > 28
    assert not shown[:, :left].any()
    assert not shown[:, left + inner :].any()


@pytest.mark.parametrize("kind", MOVIES)
def test_a_movie_shows_every_frame_in_order(kind: str, tmp_path: Path) -> None:
    path = MOVIES[kind](tmp_path)
    options = {"path": str(path), "fps": "0", "format": "RGB3", "loop": "yes"}
    options |= RAW if kind == "raw" else {}
    with Served(tmp_path / "vm.sock", "file", **options) as bench:
        with session_of(bench) as session:
            shown = list(shots(session, 2 * FRAMES))
        numbers = [number_of(frame) for frame in shown]
        assert numbers == [*range(FRAMES), *range(FRAMES)]
        least = 25 if kind in {"gif", "mp4", "mkv", "webm", "avi", "ts"} else 34
        for number, frame in zip(numbers[:FRAMES], shown, strict=False):
            assert psnr(frame, picture(number)) > least
        assert complaints(bench.lines) == []


def test_the_cameras_own_rate_and_size_are_the_files(tmp_path: Path) -> None:
    path = write_y4m(tmp_path / "odd.y4m", [picture(0, 322, 202)] * 2, "30000:1001")
    with (
        Served(tmp_path / "vm.sock", "file", path=str(path)) as bench,
        session_of(bench) as session,
    ):
        buf_type = queue_type(session.driver.vmm)
        fmt = session.get_format(buf_type)
        assert (fmt.width, fmt.height) == (322, 202)
        assert session.get_interval(buf_type) == Fraction(1001, 30000)


def test_a_jpeg_stream_of_the_frames_size_is_passed_on_as_it_is(tmp_path: Path) -> None:
    path = write_mjpeg(tmp_path / "movie.mjpg", pictures())
    options = {"path": str(path), "fps": "0", "format": "MJPG"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench, session_of(bench) as session:
        buf_type = queue_type(session.driver.vmm)
        with Stream(session, buf_type) as stream:
            stream.queue_all()
            stream.stream_on()
            data = b"".join(stream.copy(frame)[0] for frame in stream.frames(FRAMES))
    assert data == path.read_bytes()


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    path = tmp_path / "glass.png"
    Image.new("RGBA", (64, 64), (255, 255, 255, 0)).save(path)
    options = {"path": str(path), "fps": "0", "format": "RGB3"}
    with Served(tmp_path / "vm.sock", "file", **options) as bench:
        assert not first_shot(bench).any()
