"""Where the cells of a grid are."""

from typing import NamedTuple


class Cell(NamedTuple):
    """A place in the whole picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


def cells(count: int, size: tuple[int, int], gap: int) -> list[Cell]:
    """Divide `size` among `count` pictures, row by row, with `gap` pixels between them."""
    columns = next(n for n in range(1, count + 1) if n * n >= count)
    rows = -(-count // columns)
    width = max(2, (size[0] - gap * (columns - 1)) // columns)
    height = max(2, (size[1] - gap * (rows - 1)) // rows)
    return [
        Cell(column * (width + gap), row * (height + gap), width, height)
        for row in range(rows)
        for column in range(columns)
    ][:count]


def inside(picture: tuple[int, int], cell: Cell) -> Cell:
    """Give the largest place in the middle of a cell that has the picture's proportions."""
    scale = min(cell.width / picture[0], cell.height / picture[1])
    width = max(1, min(cell.width, round(picture[0] * scale)))
    height = max(1, min(cell.height, round(picture[1] * scale)))
    left = cell.left + (cell.width - width) // 2
    top = cell.top + (cell.height - height) // 2
    return Cell(left, top, width, height)
