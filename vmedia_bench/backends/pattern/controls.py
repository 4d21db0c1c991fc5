"""The pattern camera's controls, and the settings they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.pattern.colour import Adjustment
from vmedia_bench.backends.pattern.options import MOTION_LIMIT, PATTERN_TITLES, PATTERNS
from vmedia_bench.backends.pattern.scene import View
from vmedia_bench.v4l2.control_spec import ControlSpec, auto_cluster
from vmedia_bench.wire.controls import Cid

if TYPE_CHECKING:
    from vmedia_bench.backends.pattern.options import PatternOptions

# The driver's own numbers in the user class: V4L2_CTRL_DRIVER_PRIV() is true from 0x1000 on.
_CUSTOM_BASE: Final = 0x0098F900
CID_TEXT: Final = _CUSTOM_BASE
CID_MOTION: Final = _CUSTOM_BASE + 1
CID_COLOUR: Final = _CUSTOM_BASE + 2

_BRIGHTNESS: Final = int(Cid.BRIGHTNESS)
_CONTRAST: Final = int(Cid.CONTRAST)
_SATURATION: Final = int(Cid.SATURATION)
_HUE: Final = int(Cid.HUE)
_HFLIP: Final = int(Cid.HFLIP)
_VFLIP: Final = int(Cid.VFLIP)
_AUTOGAIN: Final = int(Cid.AUTOGAIN)
_GAIN: Final = int(Cid.GAIN)
_TEST_PATTERN: Final = int(Cid.TEST_PATTERN)

_NEUTRAL: Final = 128
_UNITY_GAIN: Final = 64
_GAIN_SWING: Final = 16
_GAIN_FRAMES_A_STEP: Final = 8


def control_specs(options: PatternOptions) -> tuple[ControlSpec, ...]:
    """Declare the controls, with the options as defaults."""
    return (
        ControlSpec.integer(_BRIGHTNESS, 0, 255, 1, _NEUTRAL),
        ControlSpec.integer(_CONTRAST, 0, 255, 1, _NEUTRAL),
        ControlSpec.integer(_SATURATION, 0, 255, 1, _NEUTRAL),
        ControlSpec.integer(_HUE, -180, 180, 1, 0),
        *auto_cluster(
            ControlSpec.boolean(_AUTOGAIN, default=True),
            ControlSpec.integer(_GAIN, 0, 255, 1, _UNITY_GAIN, volatile=True),
        ),
        ControlSpec.boolean(_HFLIP),
        ControlSpec.boolean(_VFLIP),
        ControlSpec.boolean(CID_TEXT, options.text, name="Show Text"),
        ControlSpec.integer(
            CID_MOTION, -MOTION_LIMIT, MOTION_LIMIT, 2, options.motion, name="Horizontal Motion"
        ),
        ControlSpec.integer(CID_COLOUR, 0, 0xFFFFFF, 1, options.colour, name="Solid Colour"),
        ControlSpec.menu(_TEST_PATTERN, PATTERN_TITLES, PATTERNS.index(options.pattern)),
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the controls, as the painters want them."""

    values: dict[int, int]

    @classmethod
    def of(cls, specs: tuple[ControlSpec, ...]) -> Settings:
        """Start with the defaults."""
        return cls({spec.cid: spec.default for spec in specs if isinstance(spec.default, int)})

    @property
    def text(self) -> bool:
        """Whether the caption is burned in."""
        return bool(self.values[CID_TEXT])

    @property
    def colour(self) -> int:
        """0xRRGGBB of the solid pattern."""
        return self.values[CID_COLOUR]

    @property
    def pattern(self) -> str:
        """The name of the pattern, out of PATTERNS."""
        return PATTERNS[self.values[_TEST_PATTERN]]

    @property
    def view(self) -> View:
        """Motion and flips."""
        values = self.values
        return View(values[CID_MOTION], bool(values[_HFLIP]), bool(values[_VFLIP]))

    @property
    def adjustment(self) -> Adjustment:
        """The picture controls as factors."""
        values = self.values
        return Adjustment(
            brightness=(values[_BRIGHTNESS] - _NEUTRAL) / 255,
            contrast=values[_CONTRAST] / _NEUTRAL,
            saturation=values[_SATURATION] / _NEUTRAL,
            hue=float(values[_HUE]),
            gain=1.0 if values[_AUTOGAIN] else values[_GAIN] / _UNITY_GAIN,
        )

    def automatic_gain(self, sequence: int) -> int:
        """
        Give the gain that AUTOGAIN has chosen at a frame.

        The emulated light wavers and the gain makes up for it, so the picture stays as it is.
        """
        phase = (sequence // _GAIN_FRAMES_A_STEP + _GAIN_SWING) % (4 * _GAIN_SWING)
        return _UNITY_GAIN + _GAIN_SWING - abs(2 * _GAIN_SWING - phase)
