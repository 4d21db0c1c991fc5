"""One line of parts in tones, drawn as they are: it changes several times a second."""

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from rich.segment import Segment
from textual.strip import Strip

from vmedia_bench.tui.widgets.tones import TONE_CLASSES, Toned

Parts: TypeAlias = Sequence[tuple[str, str]]
"""Pieces of text, each with its tone."""


class TonedLine(Toned):
    """What stands left and what stands right; what does not fit is cut off."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONE_CLASSES)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._left: Parts = ()
        self._right: Parts = ()

    def show_parts(self, left: Parts, right: Parts = ()) -> None:
        """Say something else; nothing is drawn where it says that already."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  one line is all there is
        """The line itself."""
        width, base = self.size.width, self.rich_style
        left = [Segment(text, base + self.tone(tone)) for text, tone in self._left]
        right = [Segment(text, base + self.tone(tone)) for text, tone in self._right]
        gap = width - sum(segment.cell_length for segment in (*left, *right))
        return Strip([*left, Segment(" " * max(gap, 0), base), *right]).crop(0, width)
