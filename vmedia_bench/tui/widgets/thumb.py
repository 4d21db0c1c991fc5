"""A scrollbar that is drawn anew only where its thumb looks different."""

from math import ceil

from textual.scrollbar import ScrollBar

EIGHTHS = 8
"""How finely Textual draws a thumb, in parts of a cell."""


def thumb(size: int, virtual: int, window: int, position: float) -> tuple[int, int]:
    """Begin and end of the thumb in eighths of a cell; (0, 0) where all is in sight."""
    if not (0 < window < virtual and size):
        return 0, 0
    length = max(1.0, window * size / virtual)
    start = int((size - length) * position / (virtual - window) * EIGHTHS)
    return start, start + ceil(length * EIGHTHS)


def show_place(bar: ScrollBar, virtual: int, position: float) -> None:
    """Have a bar stand for `virtual` rows, the first in sight at `position`."""
    before = _thumb_of(bar)
    bar.set_reactive(ScrollBar.window_virtual_size, virtual)
    bar.set_reactive(ScrollBar.position, position)
    if _thumb_of(bar) != before:
        bar.refresh()


def _thumb_of(bar: ScrollBar) -> tuple[int, int]:
    return thumb(bar.size.height, bar.window_virtual_size, bar.window_size, bar.position)
