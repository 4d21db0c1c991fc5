"""What the exit code of every vmedia-bench command means."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Exit codes, the same for all commands; `meaning` is what the documentation says."""

    meaning: str

    OK = 0, "done"
    FAILURE = 1, "the command ran and its outcome is negative: a check failed, a frame did not come"
    USAGE = 2, "wrong arguments; nothing was done"
    UNREACHABLE = 3, "nobody listens on the socket, or another bench holds it"
    PROTOCOL = 4, "the other end broke the protocol; the message says how"
    MISSING = 5, "what was named is not there: a file, a program, a session, a control"
    TIMEOUT = 6, "what was waited for did not come in time"
    REFUSED = 7, "refused as things are; the message names the option that insists"
    INTERRUPTED = 130, "ended by Ctrl-C"

    def __new__(cls, value: int, meaning: str = "") -> Self:
        """A code and its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def of_process(cls, status: int | None) -> Self:
        """What a vmedia-bench that ended has said; FAILURE for a signal, or one that runs on."""
        return cls(status) if status and status in set(cls) else cls(1)
