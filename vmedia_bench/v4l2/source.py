"""
What a backend is to the V4L2 core: a declaration, and a way to fill or drain frames.

Everything a source needs is importable from here, the declarations included.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vmedia_bench.v4l2.declarations import (
    Cropping,
    Format,
    FormatDesc,
    Input,
    IntervalRange,
    Output,
    PlaneFormat,
    Rect,
    Selections,
    SizeRange,
    nearest_interval,
)
from vmedia_bench.wire.v4l2 import BufType, Cap, EventType, is_capture

if TYPE_CHECKING:
    from vmedia_bench.v4l2.control_spec import ControlSpec
    from vmedia_bench.v4l2.ports import Node, NodePorts, Reactor

__all__ = [
    "CAPTURE_EVENTS",
    "OUTPUT_EVENTS",
    "ControlValue",
    "Cropping",
    "Filled",
    "Format",
    "FormatDesc",
    "Frame",
    "Input",
    "IntervalRange",
    "Output",
    "Plane",
    "PlaneFormat",
    "Rect",
    "Selections",
    "SizeRange",
    "SourceHost",
    "VideoSource",
    "nearest_interval",
]

CAP_OF_TYPE: dict[int, int] = {
    BufType.VIDEO_CAPTURE: int(Cap.VIDEO_CAPTURE),
    BufType.VIDEO_CAPTURE_MPLANE: int(Cap.VIDEO_CAPTURE_MPLANE),
    BufType.VIDEO_OUTPUT: int(Cap.VIDEO_OUTPUT),
    BufType.VIDEO_OUTPUT_MPLANE: int(Cap.VIDEO_OUTPUT_MPLANE),
}


class Plane(Protocol):
    """
    Where one memory plane of a frame lives: in the arena (MMAP) or along an SG list (USERPTR).

    Offsets and lengths are bytes inside the plane. Out-of-range access raises
    V4l2Error(EFAULT); a source need not catch it.
    """

    @property
    def length(self) -> int:
        """How many bytes fit."""
        ...

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` in."""
        ...

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """Give `length` bytes: a view where memory allows one, else a copy."""
        ...


class Frame(NamedTuple):
    """
    What fill() and drain() are told of the frame.

    `sequence` counts from 0 at STREAMON, dropped frames included; `timestamp_ns` is
    CLOCK_MONOTONIC; `interval` is seconds a frame, 0 when the source is not paced. The others are
    for drain() of a device that copies timestamps: `field` is the output buffer's, `flags` its
    BufFlag bits with `timecode`, of which its captured frame gets a copy.
    """

    sequence: int
    timestamp_ns: int
    interval: Fraction
    flags: int = 0
    field: int = 0
    timecode: bytes = b""

    @property
    def fps(self) -> Fraction:
        """Frames a second; 0 when the source is not paced."""
        return 1 / self.interval if self.interval else self.interval


class Filled(NamedTuple):
    """
    What fill() put there: bytes used a plane, and BufFlag bits to add (ERROR, KEYFRAME, LAST).

    `field` is a Field; None means the format's own (ALTERNATE needs TOP or BOTTOM here).
    `timestamp_ns` is for codecs, whose frames keep the time of what they were made from; with it
    go `timecode`, and TIMECODE and TSTAMP_SRC bits in `flags`.
    """

    bytesused: tuple[int, ...]
    flags: int = 0
    field: int | None = None
    timestamp_ns: int | None = None
    timecode: bytes = b""


ControlValue = int | str | bytes

CAPTURE_EVENTS = frozenset(
    int(event) for event in (EventType.EOS, EventType.SOURCE_CHANGE, EventType.FRAME_SYNC)
)
OUTPUT_EVENTS = frozenset(int(event) for event in (EventType.EOS, EventType.FRAME_SYNC))


class SourceHost(Protocol):
    """What the core offers a source that has news of its own. Call it on the loop only."""

    @property
    def reactor(self) -> "Reactor":
        """The event loop: descriptors to watch, and delays."""
        ...

    def frame_ready(self) -> None:
        """Say that fill() or drain(), which gave None before, is worth another try."""
        ...

    def end_of_stream(self) -> None:
        """Emit V4L2_EVENT_EOS to who subscribed."""
        ...

    def source_changed(self, changes: int) -> None:
        """Emit V4L2_EVENT_SOURCE_CHANGE with SrcChange bits to who subscribed."""
        ...

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Set a control's value from the source's side, with its event to who subscribed."""
        ...

    def queued(self, buf_type: int) -> int:
        """Tell how many buffers of a queue wait to be filled or drained."""
        ...

    def streaming(self, buf_type: int) -> bool:
        """Tell whether a queue is between STREAMON and STREAMOFF."""
        ...

    def reset_format(self, buf_type: int) -> None:
        """Put the source's default format of a queue in force anew, buffers or not."""
        ...

    def fail(self, errno: int) -> None:
        """Give up: the sessions that own queues get EVT_ERROR."""
        ...


class VideoSource(ABC):
    """
    A camera, a file, a sink: declares what it is, then fills or drains frames.

    Attributes may be set on the class or on the instance before the node is built; they must
    not change afterwards. All methods are called on the loop, so none may block for long.
    An exception out of any method is the source's own failure: the core logs it and goes on.

    - `card`: the name in the config space, at most 32 bytes of UTF-8.
    - `buf_types`: BufTypes of the queues, a capture type, an output type or one of each (m2m).
    - `inputs`, `outputs`: ENUMINPUT/ENUMOUTPUT entries; inputs count for a device that only
      captures, outputs for one that only shows. Empty ones answer ENOTTY.
    - `controls`: what the control framework shows the guest.
    - `paced`: frames come every interval; False: as fast as buffers do.
    - `min_buffers`: how many buffers REQBUFS gives at least, and must be queued after STREAMON
      for start() to be called; 0: STREAMON calls it, as codecs want.
    - `per_session`: every open file has its own queues, formats and controls (codecs).
    """

    card: str = "vmedia-bench"
    buf_types: tuple[int, ...] = (int(BufType.VIDEO_CAPTURE),)
    inputs: tuple[Input, ...] = (Input("Camera"),)
    outputs: tuple[Output, ...] = (Output("Display"),)
    controls: Sequence["ControlSpec"] = ()
    paced: bool = True
    min_buffers: int = 1
    per_session: bool = False

    @property
    def device_caps(self) -> int:
        """V4L2_CAP_* bits of the config space, drawn from `buf_types`."""
        caps = int(Cap.STREAMING | Cap.EXT_PIX_FORMAT)
        if len(self.buf_types) == 2:
            planar = BufType.VIDEO_CAPTURE_MPLANE in self.buf_types
            return caps | int(Cap.VIDEO_M2M_MPLANE if planar else Cap.VIDEO_M2M)
        for buf_type in self.buf_types:
            caps |= CAP_OF_TYPE[buf_type]
        return caps

    @property
    def events(self) -> frozenset[int]:
        """EventTypes to subscribe to, beside those of controls."""
        if any(is_capture(buf_type) for buf_type in self.buf_types):
            return CAPTURE_EVENTS
        return OUTPUT_EVENTS

    def make_node(self, ports: "NodePorts") -> "Node":
        """Build the emulated V4L2 device over this source."""
        from vmedia_bench.v4l2.node import VideoNode

        return VideoNode(self, ports)

    @abstractmethod
    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the formats of one queue in ENUM_FMT order; at least one."""

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give (fourcc, width, height) to start with: the first format near 640x480."""
        desc = self.formats(buf_type)[0]
        return (desc.pixelformat, *desc.nearest_size(640, 480))

    def intervals(
        self, pixelformat: int, width: int, height: int
    ) -> tuple[Fraction, ...] | IntervalRange:
        """
        Give the frame intervals in seconds for a format and size.

        A source either has some for each size it declares or is without rates altogether; then
        ENUM_FRAMEINTERVALS and G/S_PARM answer ENOTTY.
        """
        del pixelformat, width, height
        return (Fraction(1, 30),)

    def default_interval(self) -> Fraction:
        """Give the frame interval in seconds to start with; the nearest possible is taken."""
        return Fraction(1, 30)

    def cropping(self, buf_type: int) -> Cropping | None:
        """Declare what may be selected; None: G/S_SELECTION answer ENOTTY."""
        del buf_type
        return None

    def selections(self, buf_type: int) -> Selections | None:
        """Give a codec's rectangles on one queue, as they are now; they replace `cropping`."""
        del buf_type
        return None

    def attach(self, host: SourceHost) -> None:
        """Take the way back to the core, before anything else is called."""
        del host

    def detach(self) -> None:  # noqa: B027 (a hook most sources have no use for)
        """Let go: the session of this instance ended, or another source took over."""

    def session_opened(self) -> None:  # noqa: B027 (a hook most sources have no use for)
        """A guest has opened a session."""

    def instance(self) -> "VideoSource":
        """Give the source of one session; only asked when `per_session`."""
        return self

    def extra_ioctls(self) -> Mapping[int, Callable[[bytearray], None]]:
        """
        Give handlers, by ioctl number, for what only some devices have: DECODER_CMD, tuners ...

        A handler changes the ioctl's structure in place and raises V4l2Error to refuse.
        """
        return {}

    def configure(self, fmt: Format) -> None:
        """Learn of a new format; the queue is idle and has no buffers."""
        del fmt

    def set_input(self, index: int) -> None:
        """Learn which of `inputs` is selected."""
        del index

    def set_output(self, index: int) -> None:
        """Learn which of `outputs` is selected."""
        del index

    def set_crop(self, buf_type: int, rect: Rect) -> None:
        """Learn of a new crop, one that `cropping` made possible."""
        del buf_type, rect

    def start(self, fmt: Format, interval: Fraction) -> None:
        """Begin to stream the queue of `fmt.type`; V4l2Error refuses the STREAMON."""
        del fmt, interval

    def stop(self, buf_type: int) -> None:
        """Stop streaming one queue; no frame of it is touched afterwards."""
        del buf_type

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled | None:
        """Write one captured frame; None: there is none (a paced one is dropped)."""
        raise NotImplementedError

    def drain(self, frame: Frame, planes: Sequence[Plane], bytesused: Sequence[int]) -> bool | None:
        """Take one output frame, `bytesused` bytes a plane; False: not now, ask again."""
        raise NotImplementedError

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Apply a control that the guest or the operator has set."""
        del cid, value

    def read_control(self, cid: int) -> ControlValue:
        """Give the current value of a volatile control."""
        raise NotImplementedError(f"control {cid:#x} is declared volatile but cannot be read")
