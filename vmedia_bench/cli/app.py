"""The command line, put together."""

import os
import sys
from collections.abc import Sequence

import typer

from vmedia_bench.cli import demo, doctor, guest, serve, version, vmm_args
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError

# The base of what typer raises for wrong arguments, whichever click it carries.
UsageProblem = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help="A workbench that hosts a vhost-user virtio-media device for a running VM.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(serve.serve)
app.command()(demo.demo)
app.add_typer(guest.app, name="guest")
app.command(name="vmm-args")(vmm_args.vmm_args)
app.command()(doctor.doctor)
app.command()(version.version)


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
        error.show()
        return ExitCode.USAGE
    return result if isinstance(result, int) else ExitCode.OK
