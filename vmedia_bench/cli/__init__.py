"""The command line: one module a noun; heavy imports only inside the command that needs them."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmedia_bench.cli.fast import Read


def main() -> None:
    """Entry point of the `vmedia-bench` console script."""
    from vmedia_bench.cli.fast import parse_read

    if None in {sys.stdin, sys.stdout, sys.stderr}:
        _open_streams()
    read = parse_read(sys.argv[1:])
    if read is None:
        # NumPy's linear algebra is not used, and would start a thread a processor; each looks for
        # work for a tenth of a second. Workers inherit this.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        sys.exit(run(sys.argv[1:]))
    code = _answer(read)
    sys.stderr.flush()
    # Taking the interpreter apart takes longer than the bench needs to answer.
    os._exit(code)


def _open_streams() -> None:
    """A stream that we were started without leads nowhere; no socket gets its number."""
    from pathlib import Path

    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def run(arguments: list[str]) -> int:
    """Run one command line; gives its exit code. Plain reads go the short way."""
    from vmedia_bench.cli.fast import parse_read

    read = parse_read(arguments)
    if read is not None:
        return _answer(read)
    from vmedia_bench.cli.app import run as run_any

    return run_any(arguments)


def _answer(read: "Read") -> int:
    from vmedia_bench.cli.asking import answer_read
    from vmedia_bench.cli.failure import exit_code_of

    return exit_code_of(lambda: answer_read(read))
