"""The two sides of the transport's edge: what it needs of a device, and what it offers one."""

from collections.abc import Callable, Sequence
from typing import Protocol

from vmedia_bench.vhost.memory import GuestMemory


class Done(Protocol):
    """Takes the answer to a pending command."""

    def __call__(self, answer: bytes, used: int | None = None, /) -> None:
        """The response, and the used length to report where it is not what gets written."""


class Pending(Protocol):
    """The answer to a command that cannot be given yet.

    One with a true attribute ``lost`` never comes, and its chain stays with the device even when
    its ring stops.
    """

    def then(self, done: Done) -> None:
        """Call ``done`` with the response once, at once if there is one already."""


class Port(Protocol):
    """What the transport offers the device between ``attach`` and ``detach``."""

    @property
    def memory(self) -> GuestMemory:
        """The guest's memory."""

    def shmem_map(
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Callable[[bool], None],
    ) -> None:
        """
        Show a piece of a file in a shared-memory region; all sizes in whole pages.

        Never blocks. ``done`` comes once: False when the front-end refuses, does not answer
        within 4 s, or the device is stopped or gone. The fd stays the caller's.
        """

    def shmem_unmap(
        self, shmid: int, shm_offset: int, length: int, done: Callable[[bool], None]
    ) -> None:
        """Take exactly what one ``shmem_map`` showed out of the region again; else the same."""

    def config_changed(self) -> None:
        """Tell the guest to read the configuration space again, once the device runs."""

    def events_ready(self) -> None:
        """Events were queued outside of ``execute``: write them into the eventq now."""

    def after_events(self, done: Callable[[], None]) -> None:
        """Call ``done`` once the driver is through with the events it was sent.

        That is when it has offered all their buffers again, and after 20 ms at the latest; at
        once where it has.
        """


class Device(Protocol):
    """
    A virtio device with a command queue (ring 0) and an event queue (ring 1).

    It does no I/O. ``execute`` should never raise: the command would go back unanswered.
    """

    @property
    def device_id(self) -> int:
        """The virtio device ID."""

    @property
    def queue_count(self) -> int:
        """How many queues it has."""

    @property
    def events_waiting(self) -> bool:
        """Whether ``take_event`` has something; asked often."""

    @property
    def due_ns(self) -> int:
        """When it wants the loop, CLOCK_MONOTONIC in ns: a turn of the rings ends there."""

    def config_space(self) -> bytes:
        """The configuration space."""

    def write_config(self, offset: int, data: bytes) -> bool:
        """The driver writes the configuration space; False where it must not."""

    def shmem_sizes(self) -> Sequence[int]:
        """Bytes of each shared-memory region, by shmid."""

    def execute(self, request: bytes, room: int) -> bytes | Pending:
        """
        One command: all that the driver sent, and how many bytes it can take back.

        The response may be longer than ``room``, then it is cut; b"" is used length 0.
        """

    def take_event(self, room: int) -> bytes | None:
        """
        The next event, if it fits ``room`` bytes.

        None when there is none or it does not fit; b"" when the buffer can hold no event at all
        and goes back with length 0.
        """

    def attach(self, port: Port) -> None:
        """A front-end's rings run, for the first time or after a reset: begin afresh."""

    def pause(self) -> None:
        """The rings stopped; they may go on where they were."""

    def resume(self) -> None:
        """The rings go on where they stopped."""

    def reset(self) -> None:
        """The guest reset the device: sessions and mappings are gone."""

    def detach(self) -> None:
        """The front-end is gone, with all that was its."""
