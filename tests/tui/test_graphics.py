"""Pictures in a terminal's own pixels: what is written is the picture, and it goes in time."""

import base64
import re
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from textual.geometry import Region, Size

from tests.tui.conftest import Bench, Open, Seen
from vmedia_bench.tui.app import Wishes
from vmedia_bench.tui.widgets import graphics, real_pixels
from vmedia_bench.tui.widgets.graphics import CHUNK, LARGEST_SIXEL, Graphics
from vmedia_bench.tui.widgets.real_pixels import RealPixels

Bytes = npt.NDArray[np.uint8]
CELL = (8, 17)


def bars(rows: int = 50, columns: int = 70) -> Bytes:
    """Bars above, and a box in them that does not end with a band of Sixel."""
    colours = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 0), (0, 0, 255))
    picture = np.zeros((rows, columns, 3), np.uint8)
    for index, colour in enumerate(colours):
        picture[:, index * columns // 6 : (index + 1) * columns // 6] = colour
    picture[11:20, 5:60] = (0, 0, 0)
    return picture


def drawn_by_xterm(text: str) -> Bytes:
    """What xterm makes of Sixel: a colour that is defined is not taken up by that."""
    head = re.match(r'\x1bP[0-9;]*q"1;1;(\d+);(\d+)', text)
    assert head is not None
    assert text.endswith("\x1b\\")
    columns, rows = int(head[1]), int(head[2])
    picture = np.full((rows + 6, columns, 3), 77, np.uint8)
    colours: dict[int, tuple[int, ...]] = {}
    colour = x = y = 0
    for found in re.finditer(
        r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([?-~])|(\$)|(-)", text[head.end() : -2]
    ):
        if found[1]:
            colours[int(found[1])] = tuple(round(int(found[n]) * 2.55) for n in (2, 3, 4))
        elif found[5]:
            colour = int(found[5])
        elif found[9]:
            x = 0
        elif found[10]:
            x, y = 0, y + 6
        else:
            count, bits = int(found[6] or 1), ord(found[7] or found[8]) - 63
            for bit in range(6):
                if bits >> bit & 1:
                    picture[y + bit, x : x + count] = colours[colour]
            x += count
    return picture[:rows]


def test_sixel_is_what_xterm_understands() -> None:
    picture = bars()
    assert np.array_equal(drawn_by_xterm(graphics.sixel(picture)), picture)


def test_kitty_gets_the_pixels_over_the_cells() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (85, 80, 3), np.uint8)
    messages = re.findall(r"\x1b_G(.*?);(.*?)\x1b\\", graphics.kitty(picture, 7, 10, 5))
    keys = dict(pair.split("=") for pair in messages[0][0].split(","))
    assert keys["a"] == "T"
    assert (keys["s"], keys["v"], keys["c"], keys["r"], keys["i"]) == ("80", "85", "10", "5", "7")
    assert [head.split("m=")[1] for head, _ in messages] == ["1"] * (len(messages) - 1) + ["0"]
    assert all(len(data) <= CHUNK for _, data in messages)
    pixels = zlib.decompress(base64.b64decode("".join(data for _, data in messages)))
    assert pixels == picture.tobytes()


def test_sixel_is_never_larger_than_xterm_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_pixels, "cell_size", lambda: CELL)
    across, down = RealPixels(Graphics.SIXEL).room(Size(400, 100))
    assert across <= LARGEST_SIXEL < across + CELL[0]
    assert down <= LARGEST_SIXEL < down + CELL[1]
    assert RealPixels(Graphics.KITTY).room(Size(400, 100)) == (3200, 1700)


@pytest.fixture(autouse=True)
def _cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_pixels, "cell_size", lambda: CELL)


def written(widget: RealPixels) -> str:
    """What is written for a widget when all of it is drawn."""
    lines = widget.render_lines(Region(0, 0, *widget.size))
    return "".join(segment.text for line in lines for segment in line if segment.control)


async def picture_of(seen: Seen) -> RealPixels:
    await seen.until(
        lambda: seen.app.query_one("#picture").display and seen.app.query_one("#picture").size.width
    )
    await seen.until(lambda: not seen.app.query("Toast"))
    return seen.app.query_one("#picture", RealPixels)


@pytest.mark.parametrize("kind", Graphics)
async def test_the_picture_is_in_its_place_and_in_its_aspect(
    kind: Graphics, streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name, (160, 45), wishes=Wishes(graphics=kind)) as seen:
        picture = await picture_of(seen)
        text = written(picture)
        columns, rows = picture._drawn
        assert abs(columns * 480 - rows * 640) <= 640
        left, top = picture.origin
        start = f"\x1b[{picture.region.y + top + 1};{picture.region.x + left + 1}H"
        assert f"{start}\x1b{'_G' if kind is Graphics.KITTY else 'P'}" in text
        lines = picture.render_lines(Region(0, 0, *picture.size))
        assert len(lines) == picture.size.height
        assert {line.cell_length for line in lines} == {picture.size.width}


@pytest.mark.parametrize("kind", Graphics)
async def test_what_lies_over_it_is_not_drawn_over(
    kind: Graphics, streaming: Bench, workbench: Open
) -> None:
    async with workbench(streaming.name, (80, 24), wishes=Wishes(graphics=kind)) as seen:
        picture = await picture_of(seen)
        await seen.press("space")
        await seen.until(lambda: seen.app.query("Toast"))
        await seen.until(lambda: not written(picture))
        assert "▀" in seen.screen()
        await seen.until(lambda: not seen.app.query("Toast"))
        await seen.until(lambda: written(picture))
        await seen.press("question_mark")
        await seen.until(lambda: len(seen.app.screen_stack) == 2)
        assert not written(picture)


async def test_kittys_picture_goes_with_its_pane(
    streaming: Bench, workbench: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with workbench(streaming.name, (80, 24), wishes=Wishes(graphics=Graphics.KITTY)) as seen:
        picture = await picture_of(seen)
        await seen.until(lambda: picture._on_screen)
        said: list[str] = []
        driver: Any = seen.app._driver
        monkeypatch.setattr(driver, "write", said.append)
        await seen.press("4")
        await seen.until(lambda: said)
        assert said == [graphics.kitty_gone(picture._number)]
        await seen.press("3")
        await seen.until(lambda: picture._on_screen)


async def test_a_click_probes_the_pixel_under_it(streaming: Bench, workbench: Open) -> None:
    async with workbench(streaming.name, (160, 45), wishes=Wishes(graphics=Graphics.SIXEL)) as seen:
        picture = await picture_of(seen)
        await seen.pilot.click(
            "#picture", offset=(picture.size.width // 2, picture.size.height // 2)
        )
        await seen.until_seen("┼")
        probe = seen.app.query_one("#preview").look.probe  # type: ignore[attr-defined]
        assert abs(probe[0] - 320) < 20
        assert abs(probe[1] - 240) < 40


def test_the_size_of_a_cell_is_a_guess_where_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(*_: object) -> bytes:
        raise OSError

    monkeypatch.setattr("fcntl.ioctl", no_terminal)
    assert graphics.cell_size() == graphics.USUAL_CELL
    monkeypatch.setattr("fcntl.ioctl", lambda *_: bytes((45, 0, 160, 0, 0, 5, 253, 2)))
    assert graphics.cell_size() == CELL
