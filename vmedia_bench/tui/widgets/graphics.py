"""Pictures in a terminal's own graphics: what it understands, and a picture in its words."""

from __future__ import annotations

import base64
import fcntl
import re
import struct
import sys
import termios
import zlib
from enum import Enum
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

USUAL_CELL = (10, 20)
"""Pixels of a cell, across and down, where the terminal does not say: a VT340's."""
CHUNK = 4096
"""Bytes of base64 in one message, by Kitty's graphics protocol."""
LARGEST_SIXEL = 1000
"""Pixels, across and down: xterm takes no more unless it is told to."""
_DEFINED = re.compile(r"(#\d+);2;\d+;\d+;\d+")


class Graphics(Enum):
    """What a terminal draws pictures with."""

    KITTY = "Kitty"
    SIXEL = "Sixel"


def find_graphics() -> Graphics | None:
    """What this terminal understands; None without the extra, or where it understands neither.

    To be called before the screens take the terminal: it is asked.
    """
    if find_spec("textual_image") is None:
        return None
    from textual_image import renderable

    if renderable.Image is renderable.SixelImage:
        return Graphics.SIXEL
    return Graphics.KITTY if renderable.Image is renderable.TGPImage else None


def cell_size() -> tuple[int, int]:
    """Pixels of a cell of this terminal, across and down."""
    try:
        answer = fcntl.ioctl(sys.__stdout__ or 1, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return USUAL_CELL
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width >= columns and height >= rows):
        return USUAL_CELL
    return width // columns, height // rows


def sixel(pixels: Bytes) -> str:
    """An array of shape (rows, columns, 3) as Sixel."""
    from PIL import Image
    from textual_image._sixel import image_to_sixels

    # xterm defines a colour without taking it up, so it is taken up in so many words.
    return _DEFINED.sub(r"\g<0>\1", image_to_sixels(Image.fromarray(pixels)))


def kitty(pixels: Bytes, number: int, columns: int, rows: int) -> str:
    """An array of shape (rows, columns, 3), drawn over so many cells from the cursor on.

    A picture of the same `number` goes. Kitty's graphics protocol: a=T shows at once, s and v are
    its size, o=z is zlib.
    """
    height, width, _ = pixels.shape
    data = base64.b64encode(zlib.compress(pixels.tobytes(), 1)).decode()
    head = f"a=T,f=24,o=z,s={width},v={height},i={number},p=1,c={columns},r={rows},C=1,q=2,"
    return "".join(_messages(head, data))


def kitty_gone(number: int) -> str:
    """Takes a picture away."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def _messages(head: str, data: str) -> Iterator[str]:
    for start in range(0, len(data), CHUNK):
        more = int(start + CHUNK < len(data))
        yield f"\x1b_G{head if start == 0 else ''}m={more};{data[start : start + CHUNK]}\x1b\\"
