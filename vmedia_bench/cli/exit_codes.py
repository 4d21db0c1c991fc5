"""What the exit code of every vmedia-bench command means."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, the same for all commands."""

    OK = 0
    """Done."""
    FAILURE = 1
    """The command ran and its outcome is negative: a check failed, a frame did not come."""
    USAGE = 2
    """Wrong arguments; nothing was done."""
    UNREACHABLE = 3
    """Nobody listens on the socket, or it is in use by another bench."""
    PROTOCOL = 4
    """The other end broke the protocol; the message says how."""
    MISSING = 5
    """A file, a device or a program that is needed is not there."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""
