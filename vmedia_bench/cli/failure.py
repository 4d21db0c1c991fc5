"""How a command ends badly: one line on stderr that says what to do, and an exit code."""

import os
import sys
from collections.abc import Callable

from vmedia_bench.cli.exit_codes import ExitCode


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
        # Whoever read our output has had enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return code
