"""The command line: one module a noun; heavy imports only inside the command that needs them."""

import sys


def main() -> None:
    """Entry point of the `vmedia-bench` console script."""
    from vmedia_bench.cli.app import run

    sys.exit(run(sys.argv[1:]))
