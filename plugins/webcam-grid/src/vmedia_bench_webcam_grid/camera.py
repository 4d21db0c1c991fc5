"""The grid as a camera: a frame of each source in its cell, or one source alone."""

from collections.abc import Sequence
from fractions import Fraction

from PIL import Image
from vmedia_bench.plugin import (
    ControlSpec,
    ControlValue,
    Format,
    Frame,
    InnerSource,
    PictureCamera,
    SourceHost,
    open_source,
)

from vmedia_bench_webcam_grid.layout import Cell, cells, inside

CID_SHOW = 0x00981900
"""A control of our own, in the range for drivers' private ones of the user class."""

BACKGROUND = (24, 24, 24)


class GridCamera(PictureCamera):
    """
    Shows the sources that `texts` describe; ValueError or OSError when one cannot be had.

    The control "Show" chooses all of them or one alone.
    """

    card = "webcam grid"

    def __init__(self, texts: Sequence[str], *, size: tuple[int, int], gap: int) -> None:
        self.size = size
        self._gap = gap
        self._sources = [open_source(text) for text in texts]
        self._inner: list[InnerSource] = []
        self._show = 0
        names = [f"{n}: {source.card}"[:31] for n, source in enumerate(self._sources, 1)]
        self.controls = (ControlSpec.menu(CID_SHOW, ("All", *names), name="Show"),)
        self._cells: list[Cell] = []

    def attach(self, host: SourceHost) -> None:
        """Let the sources say when they have news."""
        self._inner = [InnerSource(source, host) for source in self._sources]

    def detach(self) -> None:
        """Let all of them go."""
        for inner in self._inner:
            inner.close()

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Choose what to show."""
        if cid == CID_SHOW:
            self._show = int(value)

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Start every source at the size of its cell."""
        super().start(fmt, interval)
        self._cells = cells(len(self._inner), (fmt.width, fmt.height), self._gap)
        for inner, cell in zip(self._inner, self._cells, strict=True):
            inner.start((cell.width, cell.height), interval)

    def stop(self, buf_type: int) -> None:
        """Stop every source."""
        super().stop(buf_type)
        for inner in self._inner:
            inner.stop()

    def picture(self, frame: Frame, size: tuple[int, int]) -> Image.Image:
        """Draw what is to be shown; a source without a picture yet leaves its cell empty."""
        pictures = [inner.picture(frame) for inner in self._inner]
        whole = Image.new("RGB", size, BACKGROUND)
        if self._show:
            shown = [(pictures[self._show - 1], Cell(0, 0, *size))]
        else:
            shown = list(zip(pictures, self._cells, strict=True))
        for picture, cell in shown:
            if picture is not None:
                place = inside(picture.size, cell)
                whole.paste(picture.resize(place[2:], Image.Resampling.BILINEAR), place[:2])
        return whole
