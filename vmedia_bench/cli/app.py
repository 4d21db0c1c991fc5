"""The command line, put together."""

import os
import sys
from collections.abc import Sequence

import typer

from vmedia_bench.cli import guest
from vmedia_bench.cli.demo import demo
from vmedia_bench.cli.doctor import doctor
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.serve import serve
from vmedia_bench.cli.version import version
from vmedia_bench.cli.vmm_args import vmm_args

# What typer raises for wrong arguments and options, whichever click it carries.
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="A workbench that hosts a vhost-user virtio-media device for a running VM.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(demo)
app.add_typer(guest.app, name="guest")
app.command(name="vmm-args")(vmm_args)
app.command()(doctor)
app.command()(version)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit code. Failures become one line on stderr."""
    try:
        result = app(args=list(arguments), prog_name="vmedia-bench", standalone_mode=False)
    except CommandFailedError as error:
        print(f"vmedia-bench: {error.message}", file=sys.stderr)
        return error.code
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except UsageProblem as error:
        error.show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    return result if isinstance(result, int) else ExitCode.OK
