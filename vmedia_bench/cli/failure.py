"""How a command ends badly: one line on stderr that says what to do, and an exit code."""

from vmedia_bench.cli.exit_codes import ExitCode


class CommandFailedError(Exception):
    """Ends the command; `message` is one line, `code` its exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
