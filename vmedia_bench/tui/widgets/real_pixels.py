"""A picture in real pixels, on terminals with Kitty's or Sixel graphics: the extra `graphics`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from textual.containers import Container
from textual.geometry import Offset

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from textual.app import ComposeResult

    Bytes = npt.NDArray[np.uint8]


def find_graphics() -> type[Any] | None:
    """The widget that draws with this terminal's graphics; None where there are none.

    To be called before the screens take the terminal: it is asked what it can do.
    """
    if find_spec("textual_image") is None:
        return None
    from textual_image import renderable, widget

    kinds: dict[Any, type[Any]] = {
        renderable.SixelImage: widget.SixelImage,
        renderable.TGPImage: widget.TGPImage,
    }
    return kinds.get(renderable.Image)


class RealPixels(Container):
    """Draws an array of shape (rows, columns, 3), centred, `SCALE` pixels a cell."""

    SCALE = (8, 16)

    def __init__(self, kind: type[Any], id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._kind = kind
        self._shape = (0, 0)
        self.cross: tuple[int, int] | None = None
        """The pixel that is marked."""

    def compose(self) -> ComposeResult:
        """The image."""
        yield self._kind()

    def show(self, pixels: Bytes | None) -> None:
        """Draw other pixels, or none."""
        from PIL import Image

        image = self.query_one(self._kind)
        if pixels is None:
            image.image = None
            return
        rows, columns, _ = pixels.shape
        if (rows, columns) != self._shape:
            self._shape = (rows, columns)
            image.styles.width = -(-columns // self.SCALE[0])
            image.styles.height = -(-rows // self.SCALE[1])
        if self.cross is not None:
            x, y = self.cross
            pixels = pixels.copy()
            pixels[max(y - 8, 0) : y + 9, x : x + 1] ^= 0xFF
            pixels[y : y + 1, max(x - 8, 0) : x + 9] ^= 0xFF
        image.image = Image.fromarray(pixels)

    def pixel_at(self, place: Offset) -> tuple[int, int] | None:
        """The pixel drawn in the middle of a cell of this widget."""
        image = self.query_one(self._kind)
        inside = place + self.region.offset - image.region.offset
        x = inside.x * self.SCALE[0] + self.SCALE[0] // 2
        y = inside.y * self.SCALE[1] + self.SCALE[1] // 2
        rows, columns = self._shape
        return (x, y) if 0 <= x < columns and 0 <= y < rows else None
