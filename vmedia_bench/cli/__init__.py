"""The command line: one module a noun; heavy imports only inside the command that needs them."""

import sys


def main() -> None:
    """Entry point of the `vmedia-bench` console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; gives its exit code. Plain reads go the short way."""
    from vmedia_bench.cli.fast import parse_read

    read = parse_read(arguments)
    if read is None:
        from vmedia_bench.cli.app import run as run_any

        return run_any(arguments)
    from vmedia_bench.cli.asking import answer_read
    from vmedia_bench.cli.failure import exit_code_of

    return exit_code_of(lambda: answer_read(read))
