"""The operator's hand on a node's controls."""

from collections.abc import Sequence
from typing import Protocol

from vmedia_bench.control.server.control_enquiry import AskedDesk
from vmedia_bench.v4l2.controls import ControlHandler, ControlState
from vmedia_bench.v4l2.node import VideoNode
from vmedia_bench.v4l2.ports import Node
from vmedia_bench.v4l2.source import ControlValue


class Desk(Protocol):
    """The controls that somebody works on."""

    async def states(self) -> Sequence[ControlState]:
        """All controls, class titles included."""
        ...

    async def set(self, cid: int, value: ControlValue) -> None:
        """Set one; subscribers hear of it. V4l2Error when it cannot be."""
        ...


class EmulatedDesk:
    """The controls of an emulated device: read-only ones may be set as well."""

    def __init__(self, controls: ControlHandler) -> None:
        self._controls = controls

    async def states(self) -> Sequence[ControlState]:
        """All controls, class titles included."""
        return self._controls.snapshot()

    async def set(self, cid: int, value: ControlValue) -> None:
        """Set one, as the source or a knob would."""
        self._controls.set_from_operator(cid, value)

    def change(
        self,
        control: ControlState,
        limits: Sequence[int | None],
        grabbed: bool | None,
        inactive: bool | None,
    ) -> None:
        """
        Change minimum, maximum, step and default, and flags, as a driver would; None: as it is.

        Raises ValueError for a range that contradicts itself, and V4l2Error as `modify_range`.
        """
        default = control.default if isinstance(control.default, int) else 0
        now = (control.minimum, control.maximum, control.step, default)
        if any(limit is not None for limit in limits):
            new = (old if limit is None else limit for limit, old in zip(limits, now, strict=True))
            self._controls.modify_range(control.cid, *new)
        if grabbed is not None:
            self._controls.grab(control.cid, grabbed)
        if inactive is not None:
            self._controls.activate(control.cid, not inactive)


class NoControls:
    """What a device without any has."""

    async def states(self) -> Sequence[ControlState]:
        """None."""
        return ()

    async def set(self, cid: int, value: ControlValue) -> None:
        """Never called: there is none to find."""
        raise KeyError(cid, value)


def desk_of(node: Node, session: int | None) -> Desk | None:
    """Give the desk of a session, or of the device; None where a session has to be named."""
    if isinstance(node, VideoNode):
        context = node.context(session)
        if context is not None:
            return EmulatedDesk(context.controls)
        return None if session is None else NoControls()
    return AskedDesk(node, session)
