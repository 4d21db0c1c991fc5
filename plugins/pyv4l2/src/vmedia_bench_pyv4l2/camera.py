"""A camera that pyv4l2 reads, as a source."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from vmedia_bench.plugin import (
    ControlSpec,
    ControlValue,
    Filled,
    FmtFlag,
    Format,
    FormatDesc,
    Frame,
    Input,
    Plane,
    PlaneFormat,
    VideoSource,
    fourcc,
)

from vmedia_bench_pyv4l2.device import Device, Stream

log = logging.getLogger(__name__)

_COMPRESSED = frozenset(map(fourcc, ("MJPG", "JPEG", "H264", "HEVC", "VP80", "VP90", "MPEG")))


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
        self.controls = tuple(_specs(device.controls()))

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
            ),
        )

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give none: pyv4l2 knows of no rates."""
        del pixelformat, width, height
        return ()

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Let the camera stream."""
        del fmt, interval
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


def _specs(found: Sequence[dict[str, Any]]) -> list[ControlSpec]:
    """Declare what pyv4l2 has found; what cannot be declared is left out."""
    specs = []
    for control in found:
        if control.get("disabled"):
            continue
        try:
            specs.append(_spec(control))
        except (ValueError, KeyError) as error:
            log.warning("a control is left out: %s", error)
    return specs


def _spec(control: dict[str, Any]) -> ControlSpec:
    name = _text(control["name"])
    cid, value = int(control["id"]), int(control["value"])
    if control["type"] == "bool":
        return ControlSpec.boolean(cid, bool(value), name=name)
    if control["type"] == "menu":
        by_index = {index: _text(item) for item, index in control["menu"].items()}
        items = [by_index.get(index) for index in range(control["max"] + 1)]
        return ControlSpec.menu(cid, items, value, minimum=control["min"], name=name)
    return ControlSpec.integer(
        cid, control["min"], control["max"], control["step"], value, name=name
    )


def _text(raw: bytes | str) -> str:
    text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
    return text.partition("\0")[0][:31]
