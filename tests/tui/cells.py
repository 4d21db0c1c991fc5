"""A screen's cells: as text for snapshots, as a picture for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.strip import Strip

FONT_SIZE = 16
FONTS = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/TTF"))
_EIGHTHS = "▁▂▃▄▅▆▇█"
_FALLBACK = (200, 200, 200)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, or two for a wide character."""

    text: str
    column: int
    width: int
    front: tuple[int, int, int]
    back: tuple[int, int, int]
    bold: bool
    underline: bool


def screen_lines(app: App[None]) -> list[Strip]:
    """The lines of what is on screen, all layers and opened screens together."""
    compositor = app.screen._compositor
    update = compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return [Strip.join(parts) for parts in update.strips]


def screen_text(app: App[None]) -> str:
    """What is on screen as text, without colours."""
    lines = ["".join(segment.text for segment in strip).rstrip() for strip in screen_lines(app)]
    return "\n".join(lines) + "\n"


def screen_picture(app: App[None]) -> Image.Image:
    """What is on screen as a picture, each cell drawn in a monospace font."""
    regular = _font("DejaVuSansMono.ttf")
    across = round(regular.getlength("M"))
    ascent, descent = regular.getmetrics()
    down = ascent + descent
    lines = screen_lines(app)
    columns = max(strip.cell_length for strip in lines)
    image = Image.new("RGB", (columns * across, len(lines) * down))
    pen = ImageDraw.Draw(image)
    for row, strip in enumerate(lines):
        for cell in _cells(strip):
            _draw(pen, cell, cell.column * across, row * down, across, down)
    return image


def _cells(strip: Strip) -> Iterator[Cell]:
    column = 0
    for segment in strip:
        if segment.control:
            continue
        front, back, bold, underline = _look(segment.style or Style.null())
        for character in segment.text:
            width = cell_len(character)
            yield Cell(character, column, width, front, back, bold, underline)
            column += width


def _look(
    style: Style,
) -> tuple[tuple[int, int, int], tuple[int, int, int], bool, bool]:
    front = _rgb(style.color, _FALLBACK)
    back = _rgb(style.bgcolor, (0, 0, 0))
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = (
            (front[0] + back[0]) // 2,
            (front[1] + back[1]) // 2,
            (front[2] + back[2]) // 2,
        )
    return front, back, bool(style.bold), bool(style.underline)


def _rgb(color: Color | None, default: tuple[int, int, int]) -> tuple[int, int, int]:
    if color is None or color.is_default:
        return default
    triplet = color.get_truecolor()
    return (triplet.red, triplet.green, triplet.blue)


def _draw(pen: ImageDraw.ImageDraw, cell: Cell, x: int, y: int, across: int, down: int) -> None:
    pen.rectangle((x, y, x + across * cell.width - 1, y + down - 1), fill=cell.back)
    if cell.text in _EIGHTHS:
        high = round(down * (_EIGHTHS.index(cell.text) + 1) / 8)
        pen.rectangle((x, y + down - high, x + across - 1, y + down - 1), fill=cell.front)
    elif cell.text == "▀":
        pen.rectangle((x, y, x + across - 1, y + down // 2 - 1), fill=cell.front)
    elif not cell.text.isspace():
        font = _font("DejaVuSansMono-Bold.ttf" if cell.bold else "DejaVuSansMono.ttf")
        pen.text((x, y), cell.text, font=font, fill=cell.front)
    if cell.underline:
        pen.line((x, y + down - 2, x + across * cell.width - 1, y + down - 2), fill=cell.front)


@lru_cache
def _font(name: str) -> ImageFont.FreeTypeFont:
    for folder in FONTS:
        if (folder / name).exists():
            return ImageFont.truetype(str(folder / name), FONT_SIZE)
    raise FileNotFoundError(f"{name} is missing: apt install fonts-dejavu-core")
