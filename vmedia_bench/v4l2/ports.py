"""What a video node is to the device around it, and what it gets from there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from vmedia_bench.v4l2.events import EventSink
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.memory import Allocation, BufferMemory, GuestBuffer

if TYPE_CHECKING:
    from vmedia_bench.v4l2.snapshot import QueueSnapshot, SessionSnapshot
    from vmedia_bench.v4l2.source import Plane

Cancel = Callable[[], None]


class Reactor(Protocol):
    """The event loop, as far as nodes and sources may use it. Callbacks come on the loop."""

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever `fd` can be read, until `unwatch`; replaces a former one."""
        ...

    def unwatch(self, fd: int) -> None:
        """Forget `fd`; one that is not watched is passed over."""
        ...

    def later(self, delay_ns: int, call: Callable[[], None]) -> Cancel:
        """Call `call` once after a delay; what comes back cancels it."""
        ...


@dataclass(frozen=True, slots=True)
class NodePorts:
    """What a node is built with.

    `now` gives CLOCK_MONOTONIC in ns. `arm(deadline)` asks for one call of the node's `advance`
    at that time, replacing what was asked before; None: for none.
    """

    memory: BufferMemory[Any]
    sink: EventSink
    now: Callable[[], int]
    arm: Callable[[int | None], None]
    reactor: Reactor


class Node(Protocol):
    """A /dev/videoX: emulated over a source, or passed through from the host."""

    @property
    def card(self) -> str:
        """The device's name in the config space."""
        ...

    @property
    def device_caps(self) -> int:
        """V4L2_CAP_* bits of the config space."""
        ...

    @property
    def device_type(self) -> int:
        """VFL_TYPE_* of the config space."""
        ...

    def open(self, session_id: int) -> Later | None:
        """Begin a session; V4l2Error refuses. A Later when that takes time."""
        ...

    def close(self, session_id: int) -> Later | None:
        """End a session and free its buffers; one that is not open is passed over.

        A Later when that takes time; the session is gone for the node in any case.
        """
        ...

    def ioctl(
        self, session_id: int, number: int, arg: bytearray, user: Sequence[GuestBuffer | None]
    ) -> Later | None:
        """Answer one ioctl in place; V4l2Error with the errno that V4L2 has for it.

        A Later when that takes time: `arg` is the answer once it is settled.
        """
        ...

    def buffer_at(self, session_id: int, offset: int) -> Allocation:
        """Give the MMAP plane with this `mem_offset`; V4l2Error(EINVAL) when there is none."""
        ...

    def contents(self, session_id: int, buf_type: int, index: int) -> "Sequence[Plane]":
        """Give the memory planes of a buffer to read; V4l2Error(EINVAL) when there is none."""
        ...

    def fail(self, session_id: int, errno: int) -> None:
        """Give a session up: its queues stop, EVT_ERROR goes out, other sessions go on."""
        ...

    def advance(self) -> None:
        """Do what is due; called when the armed deadline has come."""
        ...

    def detach(self) -> None:
        """Let go of everything outside: another node takes this one's place."""
        ...

    def sessions(self) -> "tuple[SessionSnapshot, ...]":
        """Describe the open sessions."""
        ...

    def queues(self, session_id: int | None = None) -> "tuple[QueueSnapshot, ...]":
        """Describe the queues a session works on; without one, those of the whole node."""
        ...


class NodeMaker(Protocol):
    """A backend that is configured and not yet at work."""

    def make_node(self, ports: NodePorts) -> Node:
        """Build the node; OSError or ValueError when what it needs cannot be had."""
        ...
