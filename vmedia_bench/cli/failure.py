"""How a command ends badly: one line on stderr that says what to do, and an exit code."""

import errno
import os
import sys
from collections.abc import Callable

from vmedia_bench.cli.exit_codes import ExitCode

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CommandFailedError(Exception):
    """Ends the command; `message` is one line, `code` its exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command; gives its exit code. What ends it becomes one line on stderr at most."""
    try:
        code = command()
        sys.stdout.flush()
    except CommandFailedError as error:
        print(f"vmedia-bench: {error.message}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough.
        _silence()
        return ExitCode.OK
    except OSError as error:
        _silence()
        print(f"vmedia-bench: {_reason(error)}", file=sys.stderr)
        return ExitCode.FAILURE
    return code


def _silence() -> None:
    """What is left in stdout goes nowhere: Python must not complain when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reason(error: OSError) -> str:
    """What could not be done; no room in a file without a name is our own output's."""
    reason = error.strerror or str(error)
    if error.filename:
        return f"{error.filename}: {reason}"
    return f"cannot write the output: {reason}" if error.errno in _NO_ROOM else reason
