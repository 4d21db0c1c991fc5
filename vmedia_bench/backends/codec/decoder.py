"""The stateful decoder: coded frames in, pictures out, of a size that the stream says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.codec.coding import (
    CODINGS,
    DEFAULT_SIZE,
    aligned,
    coded_desc,
    following,
    raw_codes,
    raw_desc,
)
from vmedia_bench.backends.codec.controls import MIN_BUFFERS, decoder_controls
from vmedia_bench.backends.codec.farm import Farm
from vmedia_bench.backends.codec.link import INPUT_SLOTS, Link
from vmedia_bench.backends.codec.messages import Changed, Input
from vmedia_bench.backends.codec.session import CodecSession, checked_command
from vmedia_bench.v4l2.source import Format, FormatDesc, Plane, Rect, Selections
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import DECODER_CMD
from vmedia_bench.wire.v4l2 import DecCmd, FmtFlag, SelTarget, SrcChange, fourcc, is_output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from vmedia_bench.backends.codec.options import CodecOptions
    from vmedia_bench.v4l2.source import ControlValue

_STOP: Final = int(DecCmd.STOP)
_START: Final = int(DecCmd.START)
_RESOLUTION: Final = int(SrcChange.RESOLUTION)


class DecoderSource(CodecSession):
    """
    One session's decoder.

    The capture format's size is the stream's, once that is known, and the output format's before;
    a little more than is visible, which the COMPOSE rectangle tells.
    """

    target = "vmedia_bench.backends.codec.decoding:main"
    announces_sizes = True
    controls = decoder_controls()

    def __init__(self, options: CodecOptions, farm: Farm | None = None) -> None:
        super().__init__(options, farm)
        self._coded = tuple(
            coded_desc(fourcc(code), FmtFlag.DYN_RESOLUTION) for code in options.codes
        )
        self._raw = tuple(raw_desc(code) for code in raw_codes(mplane=options.mplane))
        self._raw_choice = fourcc("NV12")
        self._visible: tuple[int, int] | None = None

    def instance(self) -> DecoderSource:
        """Give a session its own."""
        return DecoderSource(self.options, self.farm)

    # Formats

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the coded formats, or the raw ones in the one size they come in."""
        if is_output(buf_type):
            return self._coded
        return tuple(following(desc, self._frame_size, self.output_format) for desc in self._raw)

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the first coded format, or the raw one that was chosen last."""
        if is_output(buf_type):
            return (self._coded[0].pixelformat, *DEFAULT_SIZE)
        return (self._raw_choice, *self._frame_size)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give none: a decoder is as fast as it is."""
        del pixelformat, width, height
        return ()

    def configure(self, fmt: Format) -> None:
        """Begin anew with a coded format; remember which raw one is wanted."""
        if not is_output(fmt.type):
            self._raw_choice = fmt.pixelformat
            return
        self.output_format = fmt
        self._visible = None
        if self.host is not None:
            self.host.reset_format(self.capture)

    def selections(self, buf_type: int) -> Selections | None:
        """Give the rectangles of the capture queue: what is visible, and the whole frame."""
        if is_output(buf_type):
            return None
        whole = Rect(0, 0, *self._frame_size)
        visible = Rect(0, 0, *(self._visible or self._picture_size))
        rects = dict.fromkeys(
            map(
                int,
                (
                    SelTarget.CROP,
                    SelTarget.CROP_DEFAULT,
                    SelTarget.COMPOSE,
                    SelTarget.COMPOSE_DEFAULT,
                    SelTarget.COMPOSE_BOUNDS,
                ),
            ),
            visible,
        )
        rects |= {int(SelTarget.CROP_BOUNDS): whole, int(SelTarget.COMPOSE_PADDED): whole}
        # They can be asked for and stay as they are: nothing is scaled, nothing cut off.
        settable = (int(SelTarget.CROP), int(SelTarget.COMPOSE))
        return Selections(rects, dict.fromkeys(settable, lambda _wanted: visible))

    def read_control(self, cid: int) -> ControlValue:
        """Give how many capture buffers are needed."""
        del cid
        return MIN_BUFFERS

    # Commands

    def extra_ioctls(self) -> Mapping[int, Callable[[bytearray], None]]:
        """DECODER_CMD and TRY_DECODER_CMD."""
        return {
            ioctls.VIDIOC_DECODER_CMD: partial(self._command, run=True),
            ioctls.VIDIOC_TRY_DECODER_CMD: partial(self._command, run=False),
        }

    def _command(self, arg: bytearray, *, run: bool) -> None:
        command = DECODER_CMD.unpack_from(arg)[0]
        checked_command(command, (_START, _STOP))
        if run and command == _STOP:
            self.stop_command()
        elif run:
            self.start_command()
        DECODER_CMD.pack_into(arg, 0, command, 0, b"")

    # The process

    def input_command(self, interval: Fraction) -> Input:
        """Tell the coded format."""
        del interval
        fmt = self.output_format
        assert fmt is not None
        code = CODINGS[fmt.pixelformat].code
        return Input(self.generation, code, INPUT_SLOTS, fmt.planes[0].sizeimage)

    def open_pool(self, link: Link) -> None:
        """Give slots for frames of the format in force."""
        length = sum(plane.sizeimage for plane in self._capture_desc.layout(*self._frame_size))
        link.open_pool(self._raw_choice, self._frame_size, length)

    def put(self, data: memoryview, planes: Sequence[Plane]) -> tuple[int, ...]:
        """Copy a frame, plane by plane; ValueError for buffers of another size."""
        sizes = [plane.sizeimage for plane in self._capture_desc.layout(*self._frame_size)]
        at = 0
        for plane, size in zip(planes, sizes, strict=True):
            if size > plane.length:
                raise ValueError(f"a plane of {plane.length} bytes, the frame needs {size}")
            plane.write(0, data[at : at + size])
            at += size
        return tuple(sizes)

    def changed(self, change: Changed) -> None:
        """Take the stream's size over, and tell the guest if it has to act."""
        host = self.host
        if host is None:
            return
        self._visible = (change.width, change.height)
        if change.waits or not host.streaming(self.capture):
            host.reset_format(self.capture)
            host.source_changed(_RESOLUTION)

    # Inside

    @property
    def _picture_size(self) -> tuple[int, int]:
        fmt = self.output_format
        return DEFAULT_SIZE if fmt is None else (fmt.width, fmt.height)

    @property
    def _frame_size(self) -> tuple[int, int]:
        return aligned(self._visible or self._picture_size)

    @property
    def _capture_desc(self) -> FormatDesc:
        return next(desc for desc in self._raw if desc.pixelformat == self._raw_choice)
