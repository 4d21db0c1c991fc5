"""From a frame's bytes to the few pixels that a screen can show: sampled first, converted then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vmedia_bench.control.operations.frames import Frame
from vmedia_bench.picture.format import Buffer, RawFormat, RawPlane
from vmedia_bench.picture.rgb import components, components_to_rgb, jpeg_to_rgb
from vmedia_bench.wire.v4l2 import Colorspace, Quantization, YcbcrEncoding, fourcc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import IntEnum

    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

BINS = 32
_COMPRESSED = frozenset({"MJPG", "JPEG"})
_OVERSAMPLE = 2
"""Pixels read across each pixel shown: their mean is calmer than one of them."""
_FINE = 100_000
"""From so many pixels shown on, one is read for each: they are calm enough, and cost enough."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the frame (pixels of the source), and how large it is drawn (pixels shown)."""

    left: int
    top: int
    width: int
    height: int
    columns: int
    rows: int

    @property
    def row_step(self) -> int:
        """Every so many rows are enough to draw it; a power of two."""
        step = max(1, self.height // (self.rows * _OVERSAMPLE))
        return 1 << (step.bit_length() - 1)


def window(
    width: int, height: int, columns: int, rows: int, zoom: int, centre: tuple[float, float]
) -> Window:
    """The part of a frame that fits `columns` x `rows` square pixels, in its own aspect.

    `zoom` 1 shows all of it; `centre` is from 0 to 1 across and down.
    """
    scale = min(columns / width, rows / height)
    shown_columns = max(1, min(columns, round(width * scale)))
    shown_rows = max(2, min(rows, round(height * scale)))
    part_width, part_height = max(2, width // zoom), max(2, height // zoom)
    left = round(centre[0] * width - part_width / 2)
    top = round(centre[1] * height - part_height / 2)
    return Window(
        max(0, min(left, width - part_width)),
        max(0, min(top, height - part_height)),
        part_width,
        part_height,
        shown_columns,
        shown_rows,
    )


@dataclass(frozen=True, slots=True)
class Probe:
    """One pixel: where, its samples as they lie in the frame, and its colour."""

    x: int
    y: int
    kind: str
    samples: tuple[int, int, int]
    colour: str

    def text(self) -> str:
        """One line."""
        named = " ".join(
            f"{name} {value}" for name, value in zip(self.kind, self.samples, strict=True)
        )
        return f"{self.x},{self.y}  {named}  {self.colour}"


def raw_format(frame: Frame) -> RawFormat:
    """The frame's format for the picture room, with as many rows as are there."""
    return RawFormat(
        frame.width,
        # Sampled, a row or three may be missing: whole chroma rows are left.
        frame.planes[0].rows if frame.row_step > 1 else frame.height,
        fourcc(frame.fourcc),
        tuple(RawPlane(plane.bytesperline) for plane in frame.planes),
        _number(Colorspace, frame.colorspace),
        _number(YcbcrEncoding, frame.ycbcr_enc),
        _number(Quantization, frame.quantization),
    )


class Picture:
    """One frame, decoded as far as it is wanted."""

    def __init__(
        self, frame: Frame, planes: Sequence[Buffer], window: Window | None = None
    ) -> None:
        """PictureError for a format that is not known and for planes too short for it."""
        self.frame = frame
        self.step = max(frame.row_step, 1)
        self.format = raw_format(frame)
        self._across = 1
        if frame.fourcc in _COMPRESSED:
            self.kind, self._channels = "RGB", self._jpeg(planes[0], window)
        else:
            self.kind, self._channels = components(self.format, planes)

    def pixels(self, part: Window) -> Bytes:
        """A part as RGB of shape (rows, columns, 3)."""
        import numpy as np

        more = _OVERSAMPLE if part.rows * part.columns < _FINE else 1
        y = self._places(part.top, part.height, part.rows * more, self.step)
        x = self._places(part.left, part.width, part.columns * more, self._across)
        grid = np.ix_(
            np.minimum(y, self._channels[0].shape[0] - 1),
            np.minimum(x, self._channels[0].shape[1] - 1),
        )
        chosen = (self._channels[0][grid], self._channels[1][grid], self._channels[2][grid])
        rgb = components_to_rgb(self.format, self.kind, chosen)
        if more == 1:
            return rgb
        shaped = rgb.reshape(part.rows, more, part.columns, more, 3)
        mean: Bytes = shaped.mean(axis=(1, 3)).astype(np.uint8)
        return mean

    def probe(self, x: int, y: int) -> Probe:
        """The pixel at (x, y) of the frame, or the nearest that was read."""
        row = min(y // self.step, self._channels[0].shape[0] - 1)
        column = min(x // self._across, self._channels[0].shape[1] - 1)
        samples = tuple(int(channel[row, column]) for channel in self._channels)
        here = tuple(channel[row : row + 1, column : column + 1] for channel in self._channels)
        red, green, blue = components_to_rgb(self.format, self.kind, (here[0], here[1], here[2]))[
            0, 0
        ]
        return Probe(
            column * self._across,
            row * self.step,
            self.kind,
            (samples[0], samples[1], samples[2]),
            f"#{red:02X}{green:02X}{blue:02X}",
        )

    def histogram(self) -> tuple[int, int, list[float]]:
        """Least and greatest luma (green, in RGB), and how often each 32nd of the range is."""
        import numpy as np

        channel = self._channels[0 if self.kind == "YUV" else 1]
        some = channel[:, :: max(1, channel.shape[1] // 160)]
        counts, _ = np.histogram(some, BINS, (0, 256))
        return int(some.min()), int(some.max()), [float(count) for count in counts]

    @staticmethod
    def _places(start: int, length: int, count: int, step: int) -> npt.NDArray[np.intp]:
        import numpy as np

        return ((start + (np.arange(count) + 0.5) * (length / count)) // step).astype(np.intp)

    def _jpeg(self, data: Buffer, part: Window | None) -> tuple[Bytes, Bytes, Bytes]:
        """A JPEG decoded at the least size that is large enough; the decoder halves for free."""
        rgb = jpeg_to_rgb(data, 1 if part is None else part.width / (part.columns * _OVERSAMPLE))
        self._across = max(1, round(self.frame.width / rgb.shape[1]))
        self.step = max(1, round(self.frame.height / rgb.shape[0]))
        return rgb[:, :, 0], rgb[:, :, 1], rgb[:, :, 2]


def _number(names: type[IntEnum], name: str) -> int:
    """The number behind a name of videodev2.h, with or without what Python had to add; else 0."""
    found: Any = names.__members__.get(name) or names.__members__.get(f"_{name}")
    return int(found or 0)
