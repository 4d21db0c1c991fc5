"""What moves, moves by what it says and comes round again; noise never repeats itself."""

from itertools import pairwise

import pytest

from tests.backends.camera import Camera, Shot
from vmedia_bench.backends.pattern.formats import SIZES


def line(shot: Shot, y: int) -> list[int]:
    return [shot.pixel(x, y)[0] for x in range(shot.width)]


@pytest.mark.parametrize("pattern", ["smpte", "gradient", "checker", "ramp"])
def test_still_patterns_stay(pattern: str) -> None:
    camera = Camera("NV12", pattern=pattern, text=False)
    assert camera.shoot(0).bytes() == camera.shoot(1).bytes()


@pytest.mark.parametrize("code", ["RGB3", "GREY", "YM12"])
@pytest.mark.parametrize("motion", [2, 64, -6])
def test_motion_goes_to_the_right_and_wraps(code: str, motion: int) -> None:
    camera = Camera(code, pattern="ramp", motion=motion, mplane=True)
    still, moved = line(camera.shoot(0), 200), line(camera.shoot(7), 200)
    travel = 7 * motion % 320
    assert moved == still[-travel:] + still[:-travel]


@pytest.mark.parametrize("code", ["YUYV", "NV12", "YU12"])
def test_motion_keeps_chroma_with_its_luma(code: str) -> None:
    camera = Camera(code, motion=14, text=False)
    still, moved = camera.shoot(0), camera.shoot(3)
    for x in range(0, 320, 5):
        assert moved.pixel((x + 42) % 320, 100) == still.pixel(x, 100)


@pytest.mark.parametrize("pattern", ["smpte", "checker", "box"])
def test_motion_comes_round(pattern: str) -> None:
    camera = Camera("UYVY", pattern=pattern, motion=10, text=False)
    # The box is at the same height again after 100 frames: 200 rows to go at 2 a frame, twice.
    frames = 32 if pattern != "box" else 32 * 25
    assert camera.shoot(frames).bytes() == camera.shoot(0).bytes()
    assert camera.shoot(frames + 1).bytes() != camera.shoot(0).bytes()


@pytest.mark.parametrize(
    ("code", "size"), [*(("GREY", size) for size in SIZES), *(("MJPG", size) for size in SIZES[:8])]
)
def test_the_box_stays_whole_in_the_frame(code: str, size: tuple[int, int]) -> None:
    camera = Camera(code, size, pattern="box", text=False)
    heights = set()
    for sequence in (0, 1, 50, 333, 12345):
        shot = camera.shoot(sequence)
        rows = [
            y
            for y in range(0, size[1], 2)
            if max(shot.pixel(x, y)[0] for x in range(0, size[0], size[0] // 16)) > 120
        ]
        heights.add(len(rows) * 2)
        assert rows == list(range(rows[0], rows[-1] + 2, 2))
    assert max(heights) - min(heights) <= 2
    assert abs(max(heights) - size[1] / 6) <= 8


def test_the_box_moves_with_every_frame() -> None:
    camera = Camera("NV12", pattern="box", text=False)
    shots = [b"".join(camera.shoot(sequence).bytes()) for sequence in range(20)]
    assert len(set(shots)) == 20


@pytest.mark.parametrize("size", [(160, 120), (640, 480), (1920, 1080)])
@pytest.mark.parametrize("code", ["GREY", "YM12", "RGB3", "MJPG"])
def test_noise_differs_in_each_frame(code: str, size: tuple[int, int]) -> None:
    camera = Camera(code, size, pattern="noise", mplane=True, text=False)
    shots = [b"".join(camera.shoot(sequence).bytes()) for sequence in range(12)]
    assert all(one != other for one, other in pairwise(shots))
    assert len(set(shots)) > 6


def test_noise_is_all_over_the_picture() -> None:
    shot = Camera("GREY", (640, 480), pattern="noise", text=False).shoot(3)
    grid = [pixel[0] for pixel in shot.grid(40, 30)]
    assert 115 < sum(grid) / len(grid) < 140
    assert len(set(grid)) > 100
