"""What can go wrong on the guest's side, in few classes."""


class GuestError(Exception):
    """Base of everything this package raises on purpose."""


class BackendError(GuestError):
    """The back-end broke the protocol, refused a message or went away; one line says which."""


class BackendUnreachableError(BackendError):
    """Nobody listens on the socket."""


class BackendTimeoutError(BackendError):
    """The back-end did not answer in time."""


class ShmemRefusalError(GuestError):
    """A SHMEM_MAP or SHMEM_UNMAP that a VMM would refuse; one line says why."""


class GuestIoctlError(GuestError):
    """
    A command was answered with a non-zero status.

    Attributes: `errno` (positive), `errno_name` ("EINVAL"), `command` (what was asked) and
    `payload`, the bytes written after the response header (b"" when there were none).
    """

    def __init__(self, command: str, errno: int, errno_name: str, payload: bytes = b"") -> None:
        super().__init__(f"{command}: {errno_name}")
        self.command = command
        self.errno = errno
        self.errno_name = errno_name
        self.payload = payload
