"""`vmedia-bench config`: the virtio-media configuration space."""

from typing import Annotated

import typer

from vmedia_bench.cli.asking import answer
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.declared import group, plain_command, sendable
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.plain import plain
from vmedia_bench.control.registry import operation


def config_set(
    card: Annotated[str | None, typer.Option(help="At most 32 bytes of UTF-8.")] = None,
    device_caps: Annotated[
        str | None, typer.Option(metavar="BITS", help="V4L2_CAP_* bits, such as 0x04200001.")
    ] = None,
    device_type: Annotated[int | None, typer.Option(min=0, help="VFL_TYPE_*; 0 is video.")] = None,
    hexadecimal: Annotated[
        str | None, typer.Option("--hex", metavar="DIGITS", help="All 40 bytes instead.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to what the backend says.")] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Change the configuration space and announce it; what is not named stays."""
    values = sendable({"card": card, "device_type": device_type, "hex": hexadecimal})
    if device_caps is not None:
        values["device_caps"] = _bits(device_caps)
    if reset:
        values["reset"] = True
    if not values:
        raise CommandFailedError(
            "nothing to change: give --card, --device-caps, --device-type, --hex or --reset",
            ExitCode.USAGE,
        )
    answer(plain("config set"), values, bench=bench, form=form, quiet=quiet)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    config = group(app, "config", "The virtio-media configuration space.")
    config.command("get")(plain_command(plain("config get")))
    config.command("set", help=operation("config.set").summary)(config_set)


def _bits(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise CommandFailedError(
            f"--device-caps {text}: not a number such as 0x04200001", ExitCode.USAGE
        ) from error
