"""Sources that are part of another one: a grid of cameras, a picture in a picture."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends import backend
from vmedia_bench.v4l2.formats import Colorimetry, Wanted, negotiate
from vmedia_bench.v4l2.planes import MappedPlane
from vmedia_bench.v4l2.source import (
    ControlValue,
    Format,
    Frame,
    IntervalRange,
    SourceHost,
    VideoSource,
    nearest_interval,
)
from vmedia_bench.wire.v4l2 import fourcc, fourcc_name, is_capture

if TYPE_CHECKING:
    from PIL import Image

    from vmedia_bench.v4l2.ports import Reactor

# Cheapest to turn into a picture first.
_PREFERRED: Final = tuple(map(fourcc, ("RGB3", "BGR3", "MJPG", "YUYV", "NV12", "YU12", "GREY")))


def open_source(text: str) -> VideoSource:
    """
    Build the source that a text such as "pattern:pattern=box,motion=4" asks for.

    That is a backend of the registry and its options. ValueError with one line for what does not
    exist or is no source of pictures, OSError for what cannot be had.
    """
    name, _, rest = text.strip().partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    try:
        maker = backend(name).build_from_text({key.strip(): value for key, _, value in pairs})
    except KeyError:
        raise ValueError(f"there is no backend {name!r}") from None
    if not isinstance(maker, VideoSource) or not all(map(is_capture, maker.buf_types)):
        raise ValueError(f"{name} is no source of pictures")
    return maker


class InnerSource:
    """
    Another source's frames as Pillow images; it satisfies SourceHost for that source.

    What it says goes to `host`, as far as it concerns frames; its controls stay at their defaults.
    """

    def __init__(self, source: VideoSource, host: SourceHost) -> None:
        self.source = source
        self._host = host
        self._type = int(source.buf_types[0])
        self._fmt: Format | None = None
        self._memory = bytearray()
        self._newest: Image.Image | None = None
        self.failed = False
        source.attach(self)

    def start(self, size: tuple[int, int], interval: Fraction) -> None:
        """Begin to stream at the nearest size and rate; ValueError for formats nobody knows."""
        self.stop()
        self._fmt = fmt = self._negotiate(size)
        self._memory = bytearray(sum(plane.sizeimage for plane in fmt.planes))
        self.source.configure(fmt)
        self.source.start(fmt, self._interval(fmt, interval))

    def picture(self, frame: Frame) -> Image.Image | None:
        """Give its newest picture; None before the first one."""
        fmt = self._fmt
        if fmt is None or self.failed:
            return self._newest
        filled = self.source.fill(frame, self._planes(fmt))
        if filled is not None:
            self._newest = self._image(fmt, filled.bytesused)
        return self._newest

    def stop(self) -> None:
        """End the stream."""
        if self._fmt is not None:
            self._fmt = None
            self.source.stop(self._type)

    def close(self) -> None:
        """Let the source go."""
        self.stop()
        self.source.detach()

    # SourceHost

    @property
    def reactor(self) -> Reactor:
        """The loop that the outer source has."""
        return self._host.reactor

    def frame_ready(self) -> None:
        """Pass it on."""
        self._host.frame_ready()

    def fail(self, errno: int) -> None:
        """Show what was there last from now on."""
        del errno
        self.failed = True

    def end_of_stream(self) -> None:
        """Nothing: the picture stays."""

    def source_changed(self, changes: int) -> None:
        """Nothing: its format is fixed while it runs."""
        del changes

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Nothing: nobody sees its controls."""
        del cid, value

    def queued(self, buf_type: int) -> int:
        """One frame is asked for at a time."""
        del buf_type
        return 1

    def streaming(self, buf_type: int) -> bool:
        """Whether it has been started."""
        del buf_type
        return self._fmt is not None

    def reset_format(self, buf_type: int) -> None:
        """Nothing: its format is fixed while it runs."""
        del buf_type

    # Inside

    def _negotiate(self, size: tuple[int, int]) -> Format:
        offered = {desc.pixelformat for desc in self.source.formats(self._type)}
        code = next((code for code in _PREFERRED if code in offered), None)
        if code is None:
            names = ", ".join(sorted(map(fourcc_name, offered)))
            raise ValueError(f"{self.source.card}: {names} cannot be shown")
        unset = Colorimetry(0, 0, 0, 0)
        return negotiate(self.source, self._type, Wanted(code, *size, 0, 0, unset, ()))

    def _interval(self, fmt: Format, wanted: Fraction) -> Fraction:
        offered = self.source.intervals(fmt.pixelformat, fmt.width, fmt.height)
        if isinstance(offered, IntervalRange) or offered:
            return nearest_interval(offered, wanted)
        return wanted

    def _planes(self, fmt: Format) -> list[MappedPlane]:
        view, start, planes = memoryview(self._memory), 0, []
        for plane in fmt.planes:
            planes.append(MappedPlane(view[start : start + plane.sizeimage]))
            start += plane.sizeimage
        return planes

    def _image(self, fmt: Format, bytesused: tuple[int, ...]) -> Image.Image:
        from PIL import Image

        if fmt.pixelformat == fourcc("RGB3"):
            return Image.frombytes("RGB", (fmt.width, fmt.height), bytes(self._memory))
        from vmedia_bench.picture.rgb import to_rgb

        planes = [
            plane.read(0, used) for plane, used in zip(self._planes(fmt), bytesused, strict=True)
        ]
        return Image.fromarray(to_rgb(fmt, planes))
