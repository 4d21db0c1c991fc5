"""The one thing that the typed helpers of a session stand on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from errno import EINVAL, ENOTTY

from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.ram import GuestRam, Span

# No device enumerates more; a back-end that never says EINVAL must not hang the guest.
ENUMERATION_LIMIT = 1024


class Caller(ABC):
    """Somebody who can run ioctls on a session and owns guest memory for their payloads."""

    @property
    @abstractmethod
    def ram(self) -> GuestRam:
        """The guest's memory."""

    @abstractmethod
    def ioctl(
        self,
        request: str | int,
        payload: bytes | bytearray | memoryview = b"",
        memory: Sequence[Sequence[Span]] = (),
    ) -> bytes:
        """Run one ioctl; see `Session.ioctl`."""

    def ask(self, request: str | int, payload: bytes = b"") -> bytes | None:
        """As `ioctl`, but None where the device answers EINVAL or ENOTTY."""
        try:
            return self.ioctl(request, payload)
        except GuestIoctlError as error:
            if error.errno in {EINVAL, ENOTTY}:
                return None
            raise
