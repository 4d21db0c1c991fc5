"""The stateful encoder: pictures in, coded frames out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.codec.coding import (
    CODINGS,
    DEFAULT_SIZE,
    coded_desc,
    following,
    raw_codes,
    raw_desc,
)
from vmedia_bench.backends.codec.controls import FORCE_KEY_FRAME, MIN_BUFFERS, encoder_controls
from vmedia_bench.backends.codec.farm import Farm
from vmedia_bench.backends.codec.link import INPUT_SLOTS, Link
from vmedia_bench.backends.codec.messages import Changed, Input
from vmedia_bench.backends.codec.session import CodecSession, checked_command
from vmedia_bench.backends.pattern.formats import INTERVALS
from vmedia_bench.v4l2.source import Format, FormatDesc, Plane, Rect, Selections
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import ENCODER_CMD
from vmedia_bench.wire.v4l2 import EncCmd, FmtFlag, SelTarget, fourcc, is_output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from vmedia_bench.backends.codec.options import CodecOptions
    from vmedia_bench.v4l2.source import ControlValue

_STOP: Final = int(EncCmd.STOP)
_START: Final = int(EncCmd.START)


class EncoderSource(CodecSession):
    """One session's encoder: coded frames have the size of the output's pictures."""

    target = "vmedia_bench.backends.codec.encoding:main"
    controls = encoder_controls()

    def __init__(self, options: CodecOptions, farm: Farm | None = None) -> None:
        super().__init__(options, farm)
        self._raw = tuple(raw_desc(code) for code in raw_codes(mplane=options.mplane))
        self._coded = tuple(
            coded_desc(fourcc(code), FmtFlag.ENC_CAP_FRAME_INTERVAL) for code in options.codes
        )
        self._coded_choice = self._coded[0].pixelformat
        self._coded_size = 0
        # Pictures are numbered as they are taken; these shall be key frames.
        self._taken = 0
        self._keys: set[int] = set()
        self._settings: dict[int, int] = {
            spec.cid: spec.default for spec in self.controls if isinstance(spec.default, int)
        }

    def instance(self) -> EncoderSource:
        """Give a session its own."""
        return EncoderSource(self.options, self.farm)

    # Formats

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        """Give the raw formats, or the coded ones in the size of the pictures."""
        if is_output(buf_type):
            return self._raw
        return tuple(
            following(desc, self._picture_size, self.output_format) for desc in self._coded
        )

    def default_format(self, buf_type: int) -> tuple[int, int, int]:
        """Give the first raw format, or the coded one that was chosen last."""
        if is_output(buf_type):
            return (self._raw[0].pixelformat, *DEFAULT_SIZE)
        return (self._coded_choice, *self._picture_size)

    def intervals(self, pixelformat: int, width: int, height: int) -> tuple[Fraction, ...]:
        """Give the rates that a stream may have; pictures come when they come."""
        del pixelformat, width, height
        return INTERVALS

    def configure(self, fmt: Format) -> None:
        """Let the coded format follow the pictures."""
        if not is_output(fmt.type):
            self._coded_choice = fmt.pixelformat
            self._coded_size = fmt.planes[0].sizeimage
            return
        self.output_format = fmt
        if self.host is not None:
            self.host.reset_format(self.capture)
            self._coded_size = self._coded[0].layout(*self._picture_size)[0].sizeimage

    def selections(self, buf_type: int) -> Selections | None:
        """Give the rectangles of the output queue: the whole picture is encoded."""
        if not is_output(buf_type):
            return None
        whole = Rect(0, 0, *self._picture_size)
        targets = (SelTarget.CROP, SelTarget.CROP_DEFAULT, SelTarget.CROP_BOUNDS)
        rects = dict.fromkeys(map(int, targets), whole)
        return Selections(rects, {int(SelTarget.CROP): lambda _wanted: whole})

    # Controls and commands

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Take a setting for the next STREAMON; the next picture to be queued is a key frame."""
        if cid == FORCE_KEY_FRAME:
            waiting = self.host.queued(self.output) if self.host is not None else 0
            self._keys.add(self._taken + waiting)
        else:
            self._settings[cid] = int(value)

    def wants_key(self) -> bool:
        """Count a picture that is taken; say whether it is to be a key frame."""
        wanted = self._taken in self._keys
        self._keys.discard(self._taken)
        self._taken += 1
        return wanted

    def stop(self, buf_type: int) -> None:
        """Forget the key frames of pictures that are dropped with the output queue."""
        super().stop(buf_type)
        if is_output(buf_type):
            self._keys.clear()

    def read_control(self, cid: int) -> ControlValue:
        """Give how many output buffers are needed."""
        del cid
        return MIN_BUFFERS

    def extra_ioctls(self) -> Mapping[int, Callable[[bytearray], None]]:
        """ENCODER_CMD and TRY_ENCODER_CMD."""
        return {
            ioctls.VIDIOC_ENCODER_CMD: partial(self._command, run=True),
            ioctls.VIDIOC_TRY_ENCODER_CMD: partial(self._command, run=False),
        }

    def _command(self, arg: bytearray, *, run: bool) -> None:
        command = ENCODER_CMD.unpack_from(arg)[0]
        checked_command(command, (_START, _STOP))
        if run and command == _STOP:
            self.stop_command()
        elif run:
            self.start_command()
        ENCODER_CMD.pack_into(arg, 0, command, 0, b"")

    # The process

    def input_command(self, interval: Fraction) -> Input:
        """Tell the pictures' format, and how to encode them."""
        fmt = self.output_format
        assert fmt is not None
        rate = 1 / interval
        return Input(
            self.generation,
            CODINGS[self._coded_choice].code,
            INPUT_SLOTS,
            sum(plane.sizeimage for plane in fmt.planes),
            fmt.pixelformat,
            fmt.width,
            fmt.height,
            (rate.numerator, rate.denominator),
            {str(cid): value for cid, value in self._settings.items()},
        )

    def open_pool(self, link: Link) -> None:
        """Give slots for coded frames, as long as the capture buffers."""
        link.open_pool(self._coded_choice, self._picture_size, self._coded_size)

    def put(self, data: memoryview, planes: Sequence[Plane]) -> tuple[int, ...]:
        """Copy a coded frame; ValueError for a buffer that is too short."""
        if len(data) > planes[0].length:
            raise ValueError(f"a coded frame of {len(data)} bytes, room for {planes[0].length}")
        planes[0].write(0, data)
        return (len(data),)

    def changed(self, change: Changed) -> None:
        """Pictures keep their size while they stream."""

    @property
    def _picture_size(self) -> tuple[int, int]:
        fmt = self.output_format
        return DEFAULT_SIZE if fmt is None else (fmt.width, fmt.height)
