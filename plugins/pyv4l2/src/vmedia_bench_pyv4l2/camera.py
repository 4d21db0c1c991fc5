"""A camera that pyv4l2 reads, as a source."""

import logging
from collections.abc import Iterator, Sequence
from errno import EINVAL, ENODEV
from fractions import Fraction

from vmedia_bench.plugin import (
    ControlSpec,
    ControlValue,
    CtrlFlag,
    Filled,
    FmtFlag,
    Format,
    FormatDesc,
    Frame,
    Input,
    Plane,
    PlaneFormat,
    V4l2Error,
    VideoSource,
    fourcc,
)

from vmedia_bench_pyv4l2.asking import DeviceControl
from vmedia_bench_pyv4l2.device import Device, Stream

log = logging.getLogger(__name__)

_COMPRESSED = frozenset(map(fourcc, ("MJPG", "JPEG", "H264", "HEVC", "VP80", "VP90", "MPEG")))
_KEPT_FLAGS = int(CtrlFlag.READ_ONLY | CtrlFlag.VOLATILE)


class Pyv4l2Camera(VideoSource):
    """
    The device in the one format it is set to, which pyv4l2 cannot change.

    Frames come when the camera has them: reading waits for one, which is why this needs a process
    of its own.
    """

    paced = False

    def __init__(self, device: Device) -> None:
        self._device = device
        self._format = device.format()
        self._stream: Stream | None = None
        name = device.name
        self.card = name.encode()[:32].decode(errors="ignore")
        self.inputs = (Input(name[:31]),)
        self.controls = tuple(_specs(device))

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the device's format."""
        del buf_type
        found = self._format
        compressed = found.pixelformat in _COMPRESSED
        stride = 0 if compressed else found.bytesperline
        planes = (PlaneFormat(stride, found.sizeimage),)
        return (
            FormatDesc(
                found.pixelformat,
                lambda _width, _height: planes,
                ((found.width, found.height),),
                flags=int(FmtFlag.COMPRESSED) if compressed else 0,
                field=found.field or 1,
                colorspace=found.colorspace,
                ycbcr_enc=found.ycbcr_enc,
                quantization=found.quantization,
                xfer_func=found.xfer_func,
            ),
        )

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give none: pyv4l2 knows of no rates."""
        del pixelformat, width, height
        return ()

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Let the camera stream; V4l2Error when it is gone, busy or set to another format."""
        del fmt, interval
        try:
            now = self._device.format()
        except OSError as error:
            raise V4l2Error(ENODEV, f"the camera is gone: {error}") from error
        if now != self._format:
            why = f"the camera is set to {now.width}x{now.height} or another format since"
            raise V4l2Error(EINVAL, f"{why}: use the backend anew")
        self._stream = self._device.open()

    def stop(self, buf_type: int) -> None:
        """Let the camera rest."""
        del buf_type
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Wait for the camera's next frame."""
        del frame
        if self._stream is None:
            return None
        data = self._stream.get_frame()[: planes[0].length]
        planes[0].write(0, data)
        return Filled((len(data),))

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Set the camera's own control."""
        self._device.set_control(cid, int(value))

    def read_control(self, cid: int) -> ControlValue:
        """Give what a control that the camera changes by itself is now."""
        return self._device.get_control(cid)


def _specs(device: Device) -> Iterator[ControlSpec]:
    """Declare the controls that can be declared; the others are left out."""
    for control in device.controls():
        try:
            yield _spec(control, device.get_control(control.cid))
        except ValueError as error:
            log.warning("a control is left out: %s", error)


def _spec(control: DeviceControl, value: int) -> ControlSpec:
    cid, name, flags = control.cid, control.name, control.flags & _KEPT_FLAGS
    if control.kind == "switch":
        return ControlSpec.boolean(cid, bool(value), name=name, flags=flags)
    if control.kind == "menu":
        low = control.minimum
        return ControlSpec.menu(cid, control.menu, value, minimum=low, name=name, flags=flags)
    low, high, step = control.minimum, control.maximum, control.step
    return ControlSpec.integer(cid, low, high, step, value, name=name, flags=flags)
