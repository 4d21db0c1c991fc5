"""The file camera's controls: where in the file, how fast, and what happens at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vmedia_bench.backends.file.options import SPEEDS
from vmedia_bench.v4l2.control_spec import ControlSpec
from vmedia_bench.wire.v4l2 import CtrlFlag

if TYPE_CHECKING:
    from vmedia_bench.backends.file.options import FileOptions

# The driver's own numbers in the user class: V4L2_CTRL_DRIVER_PRIV() is true from 0x1000 on.
_CUSTOM_BASE: Final = 0x0098FA00
CID_POSITION: Final = _CUSTOM_BASE
CID_SPEED: Final = _CUSTOM_BASE + 1
CID_LOOP: Final = _CUSTOM_BASE + 2

_MSEC: Final = 1_000_000


def control_specs(options: FileOptions, duration_ns: int) -> tuple[ControlSpec, ...]:
    """Declare the controls; a still picture has none."""
    if not duration_ns:
        return ()
    length = max(1, min(duration_ns // _MSEC, (1 << 31) - 1))
    return (
        ControlSpec.integer(
            CID_POSITION,
            0,
            length,
            1,
            min(length, int(options.start * 1000)),
            name="Position (ms)",
            flags=int(CtrlFlag.EXECUTE_ON_WRITE),
            volatile=True,
        ),
        ControlSpec.integer(CID_SPEED, *SPEEDS, 1, options.speed, name="Speed (percent)"),
        ControlSpec.boolean(CID_LOOP, options.loop, name="Loop"),
    )
