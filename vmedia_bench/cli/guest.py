"""`vmedia-bench guest`: the built-in guest, against any vhost-user media back-end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from vmedia_bench.cli.asking import name_and_socket
from vmedia_bench.cli.common import BenchOption, FormOption
from vmedia_bench.cli.completion import complete_ioctl
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import show_data

if TYPE_CHECKING:
    from vmedia_bench.guest.driver import Driver

app = typer.Typer(
    help="Be a guest: drive any vhost-user media back-end, this one or another.",
    no_args_is_help=True,
)


class Order(StrEnum):
    """Whose sequence of vhost-user messages to follow."""

    QEMU = "qemu"
    CROSVM = "crosvm"
    LIBKRUN = "libkrun"


class BufferMemory(StrEnum):
    """Where buffers come from."""

    MMAP = "mmap"
    USERPTR = "userptr"


SocketOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--socket", "--socket-path", help="The back-end's socket [default: the bench's]."),
]
OrderOption: TypeAlias = Annotated[
    Order, typer.Option(help="Whose sequence of messages to follow.")
]


@app.command()
def probe(
    socket: SocketOption = None,
    order: OrderOption = Order.QEMU,
    checks: Annotated[
        bool, typer.Option("--checks/--no-checks", help="Look for its mistakes too.")
    ] = True,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Ask a back-end everything, and say what it does wrong. Exit code 1 when it does."""
    from vmedia_bench.cli.probe_text import probe_text
    from vmedia_bench.guest.errors import BackendUnreachableError
    from vmedia_bench.guest.probe import probe as run_probe

    try:
        report = run_probe(existing_socket(socket, bench), checks=checks, order=order.value)
    except BackendUnreachableError as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error
    show_data(asdict(report), form, lambda: probe_text(report))
    if report.error:
        raise CommandFailedError(report.error, ExitCode.PROTOCOL)
    if report.findings:
        raise typer.Exit(ExitCode.FAILURE)


@app.command()
def ioctl(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="VIDIOC_G_FMT, G_FMT, or a number.", autocompletion=complete_ioctl
        ),
    ],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE...", help="Fields to set, such as type=1."),
    ] = None,
    socket: SocketOption = None,
    order: OrderOption = Order.QEMU,
    payload: Annotated[
        str, typer.Option("--hex", help="The payload as hexadecimal digits instead.")
    ] = "",
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Send one ioctl in a session of its own; print the answer, field by field."""
    from vmedia_bench.cli.ioctl_fields import answer_lines, build_payload, jsonable
    from vmedia_bench.guest.errors import GuestIoctlError

    request, number = build_payload(name, fields or [], payload)
    path = existing_socket(socket, bench)
    with connected_driver(path, order) as driver, driver.open() as session:
        try:
            answer = session.ioctl(number, request)
        except GuestIoctlError as error:
            raise CommandFailedError(str(error)) from error
    show_data(jsonable(number, answer), form, lambda: "\n".join(answer_lines(number, answer)))


@app.command()
def stream(
    socket: SocketOption = None,
    order: OrderOption = Order.QEMU,
    frames: Annotated[int, typer.Option(min=1, help="How many frames to take.")] = 60,
    size: Annotated[
        str, typer.Option(metavar="WIDTHxHEIGHT", help="Frame size [default: as it is].")
    ] = "",
    pixel_format: Annotated[
        str,
        typer.Option("--pixel-format", metavar="FOURCC", help="Pixel format [default: as it is]."),
    ] = "",
    fps: Annotated[
        float,
        typer.Option(
            min=0, help="Frames a second to ask for [default: as it is].", show_default=False
        ),
    ] = 0,
    buffers: Annotated[int, typer.Option(min=1, max=32, help="How many buffers.")] = 4,
    memory: Annotated[
        BufferMemory, typer.Option(help="Whose memory the buffers are.")
    ] = BufferMemory.MMAP,
    save: Annotated[
        Path | None, typer.Option(help="Write the last frame to this PNG file.")
    ] = None,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
) -> None:
    """Stream frames with the checks of a strict driver. Exit code 1 when one of them fails."""
    from vmedia_bench.cli.streaming import Wish, check_wish, stream_frames

    wish = Wish(frames, size, pixel_format, fps, buffers, memory.value, save)
    check_wish(wish)
    with connected_driver(existing_socket(socket, bench), order) as driver:
        result = stream_frames(driver, wish)
    show_data(asdict(result), form, result.text)
    if result.violations:
        raise typer.Exit(ExitCode.FAILURE)


def existing_socket(socket: Path | None, bench: str | None) -> Path:
    """The socket that was named, else the bench's; UNREACHABLE where there is none."""
    path = socket or name_and_socket(bench)[1]
    if not path.exists():
        advice = (
            "start `vmedia-bench serve` first" if socket is None else "is the back-end running?"
        )
        raise CommandFailedError(f"there is no socket at {path}: {advice}", ExitCode.UNREACHABLE)
    return path


@contextmanager
def connected_driver(path: Path, order: Order) -> "Iterator[Driver]":
    """A driver on a fresh connection; what the back-end does wrong ends the command."""
    from vmedia_bench.guest.driver import Driver
    from vmedia_bench.guest.errors import BackendError, BackendUnreachableError, GuestError
    from vmedia_bench.guest.vmm import Vmm

    try:
        with Vmm.connect(path, order=order.value) as vmm:
            yield Driver(vmm)
            for violation in vmm.violations:
                print(f"vmedia-bench: {violation}", file=sys.stderr)
    except BackendUnreachableError as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error
    except BackendError as error:
        raise CommandFailedError(str(error), ExitCode.PROTOCOL) from error
    except GuestError as error:
        raise CommandFailedError(str(error)) from error


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="guest")
