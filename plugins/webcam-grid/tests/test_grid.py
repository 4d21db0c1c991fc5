"""Several sources in one picture."""

import pytest
from vmedia_bench.backends import backend
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.stream import Stream
from vmedia_bench.plugin import BufType, fourcc
from vmedia_bench.testing import BackendConformance, Served, guest_session

from vmedia_bench_webcam_grid.camera import BACKGROUND, CID_SHOW
from vmedia_bench_webcam_grid.layout import Cell, cells, inside
from vmedia_bench_webcam_grid.plugin import GridOptions

CAPTURE = int(BufType.VIDEO_CAPTURE)
RED, BLUE = (200, 0, 0), (0, 0, 200)
TWO = "; ".join(
    f"pattern:pattern=solid,text=no,colour={r << 16 | g << 8 | b}" for r, g, b in (RED, BLUE)
)


class TestGrid(BackendConformance):
    backend = "webcam-grid"
    options = {"size": "160x120"}


def test_each_source_is_in_its_cell_or_alone() -> None:
    maker = backend("webcam-grid").build_from_text({"sources": TWO, "gap": "8"})
    with Served(maker) as served, guest_session(served) as session:
        session.set_format(VideoFormat(CAPTURE, 320, 240, fourcc("RGB3")))

        def colours() -> list[tuple[int, ...]]:
            with Stream(session, CAPTURE) as stream:
                stream.queue_all()
                stream.stream_on()
                frames = [stream.copy(frame)[0] for frame in stream.frames(6)]
            at = [(120 * 320 + x) * 3 for x in (80, 160, 240)]
            return [tuple(frames[-1][start : start + 3]) for start in at]

        assert colours() == [RED, BACKGROUND, BLUE]
        session.set_control(session.control_info(CID_SHOW), 2)
        assert colours() == [BLUE, BLUE, BLUE]


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        ("nothing", "there is no backend 'nothing'"),
        ("sink", "sink is no source of pictures"),
        ("pattern:pattern=bars", "pattern 'bars': not one of"),
        (";", "not 1 to 16 of them"),
        ("pattern;" * 17, "not 1 to 16 of them"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(sources: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        backend("webcam-grid").build_from_text({"sources": sources})


def test_cells_divide_the_picture() -> None:
    assert cells(1, (640, 480), 8) == [Cell(0, 0, 640, 480)]
    assert cells(3, (640, 480), 0)[-1] == Cell(0, 240, 320, 240)
    for count in range(1, 17):
        for cell in cells(count, (640, 480), 4):
            assert cell.left + cell.width <= 640
            assert cell.top + cell.height <= 480


def test_a_picture_keeps_its_proportions() -> None:
    assert inside((160, 90), Cell(10, 10, 320, 240)) == Cell(10, 40, 320, 180)


def test_the_gap_has_limits() -> None:
    with pytest.raises(ValueError, match="gap 65: not 0 to 64"):
        GridOptions(gap=65)
