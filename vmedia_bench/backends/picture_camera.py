"""A camera for whoever has pictures and does not want to know about pixel formats."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING

from vmedia_bench.backends.pattern.formats import INTERVALS, format_descs
from vmedia_bench.v4l2.source import Filled, Format, FormatDesc, Frame, Plane, VideoSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from vmedia_bench.backends.file.canvas import Bytes, Canvas, Placement


class PictureCamera(VideoSource):
    """
    Draws a Pillow image a frame; it is scaled, letterboxed and converted to what was negotiated.

    Offers the pixel formats, sizes and rates of the pattern camera. `size` and `fps` are what it
    begins with. A subclass has to have `picture`, and may have whatever a VideoSource has.
    """

    size: tuple[int, int] = (640, 480)
    fps: Fraction | float = 30

    _canvas: Canvas | None = None

    @abstractmethod
    def picture(self, frame: Frame, size: tuple[int, int]) -> Image.Image | None:
        """
        Draw the picture of a frame; None: there is none.

        `size` is (width, height) of the frame, the best size to draw; any other is scaled to fit.
        """

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the pattern camera's formats."""
        del buf_type
        return format_descs(mplane=False)

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the first format at the declared size nearest to `size`."""
        first = self.formats(buf_type)[0]
        return (first.pixelformat, *first.nearest_size(*self.size))

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give every rate, whatever the format and size."""
        del pixelformat, width, height
        return INTERVALS

    def default_interval(self) -> Fraction:
        """Give the interval of `fps`."""
        return 1 / Fraction(self.fps).limit_denominator(1001)

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Make a canvas for the format; call it first where a subclass has its own."""
        del interval
        import numpy as np

        from vmedia_bench.backends.file.canvas import Canvas

        self._canvas = Canvas(fmt.pixelformat, (fmt.width, fmt.height))
        self._out: Bytes = np.zeros(self._canvas.length, np.uint8)
        self._place: Placement | None = None

    def stop(self, buf_type: int) -> None:
        """Let the canvas go."""
        del buf_type
        self._canvas = None

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Draw a frame and lay it out."""
        canvas = self._canvas
        if canvas is None:
            return None
        image = self.picture(frame, canvas.size)
        if image is None:
            return None
        used = self._paint(canvas, image)
        planes[0].write(0, self._out.data[:used])
        return Filled((used,))

    def _paint(self, canvas: Canvas, image: Image.Image) -> int:
        """Lay an image out; what is around it is made black when it has moved."""
        from vmedia_bench.backends.file.pictures import ImagePicture

        picture = ImagePicture(image)
        used, place = picture.paint(canvas, self._out)
        if canvas.raw is not None and place != self._place:
            self._place = place
            if place[2:] != canvas.size:
                canvas.clear(self._out)
                used, _ = picture.paint(canvas, self._out)
        return used
