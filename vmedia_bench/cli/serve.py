"""`vmedia-bench serve`: host the device for a VM until it is told to stop."""

import json
import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmedia_bench.cli import camera_options as camera
from vmedia_bench.cli.arguments import bench_name, shared_memory_size, trace_size, utf8
from vmedia_bench.cli.arguments import settings as settings_of
from vmedia_bench.cli.completion import complete_backend_here
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.control.names import LONGEST_SOCKET_PATH, make_runtime_folder, no_place, vm_socket

if TYPE_CHECKING:
    from vmedia_bench.v4l2.ports import NodeMaker


class ShmemMode(StrEnum):
    """How MMAP buffers are shown to the guest."""

    ARENA = "arena"
    PER_BUFFER = "per-buffer"


def serve(
    ctx: typer.Context,
    socket: Annotated[
        Path | None,
        typer.Option("--socket-path", "--socket", help="Listen here [default: by name]."),
    ] = None,
    fd: Annotated[
        int | None,
        typer.Option(
            min=0, help="An open vhost-user socket, connected or listening, instead of a path."
        ),
    ] = None,
    print_capabilities: Annotated[
        bool,
        typer.Option("--print-capabilities", help="Print what this back-end is, as JSON, and end."),
    ] = False,
    name: Annotated[
        str, typer.Option(help="Name of this bench; gives the socket its name.")
    ] = "cam0",
    backend: Annotated[
        str,
        typer.Option(
            help="Where the pixels come from or go to.", autocompletion=complete_backend_here
        ),
    ] = "pattern",
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the backend; repeatable."),
    ] = None,
    size: camera.Size = "640x480",
    pixel_format: camera.PixelFormat = None,
    fps: camera.Fps = 30,
    pattern: camera.Pattern = "smpte",
    motion: camera.Motion = 0,
    text: camera.Text = True,
    mplane: camera.Mplane = False,
    card: camera.Card = "vmedia-bench pattern",
    shmem_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Size of shared-memory region 0, a power of two.")
    ] = "1G",
    shmem_mode: Annotated[
        ShmemMode,
        typer.Option(help="Map all buffers at once, or each on its own (to debug a VMM)."),
    ] = ShmemMode.ARENA,
    shmem_bit: Annotated[
        int,
        typer.Option(
            min=20, max=22, help="Protocol feature bit of SHMEM; older front-ends say 20 or 21."
        ),
    ] = 22,
    max_sessions: Annotated[
        int, typer.Option(min=1, help="How many sessions a guest may open.")
    ] = 256,
    poll_us: Annotated[
        int,
        typer.Option(
            min=0, max=1000, help="Look at the ring this long after work before sleeping."
        ),
    ] = 100,
    trace_records: Annotated[
        int, typer.Option(min=1, help="How many records the trace in memory keeps.")
    ] = 100_000,
    trace_bytes: Annotated[
        str, typer.Option(metavar="SIZE", help="How many bytes of them.")
    ] = "64M",
    verbose: Annotated[
        int,
        typer.Option(
            "-v", "--verbose", count=True, help="Log refused commands; -vv: every message."
        ),
    ] = 0,
) -> None:
    """Host a vhost-user virtio-media device; a VM that connects finds a camera."""
    if print_capabilities:
        print(json.dumps({"type": "media", "features": []}))
        return
    from vmedia_bench.bench import BenchSettings, run_bench
    from vmedia_bench.control.server.listening import ControlSocketError
    from vmedia_bench.vhost.errors import SocketSetupError

    own = camera.camera_settings(
        {
            "size": size,
            "pixel_format": pixel_format,
            "fps": fps,
            "pattern": pattern,
            "motion": motion,
            "text": text,
            "mplane": mplane,
            "card": card,
        }
    )
    if socket is not None and fd is not None:
        raise CommandFailedError("--socket-path and --fd: choose one", ExitCode.USAGE)
    bench_name(name, "--name")
    source = _source(ctx, backend, own, settings_of(assignments or []))
    settings = BenchSettings(
        name=name,
        backend=backend,
        socket_path=_socket_path(socket, name) if fd is None else None,
        fd=fd,
        shmem_size=shared_memory_size(shmem_size),
        shmem_per_buffer=shmem_mode is ShmemMode.PER_BUFFER,
        shmem_bit=shmem_bit,
        max_sessions=max_sessions,
        poll_us=poll_us,
        trace_records=trace_records,
        trace_bytes=trace_size(trace_bytes),
    )
    _log_to_stderr(verbose)
    try:
        run_bench(source, settings, insist=sys.stderr.isatty())
    except (SocketSetupError, ControlSocketError) as error:
        raise CommandFailedError(str(error), ExitCode.UNREACHABLE) from error


def _source(
    ctx: typer.Context, backend: str, own: dict[str, str], assigned: dict[str, str]
) -> "NodeMaker":
    """What is served. The camera's own options go with the pattern backend alone."""
    if backend == "pattern":
        return camera.build_source(backend, {**own, **assigned}, own=own.keys() - assigned.keys())
    for name in camera.CAMERA:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise CommandFailedError(
                f"{option} is the pattern camera's: set options of {backend} with --set KEY=VALUE",
                ExitCode.USAGE,
            )
    return camera.build_source(backend, assigned)


def _socket_path(given: Path | None, name: str) -> Path:
    if given is None:
        try:
            make_runtime_folder()
        except OSError as error:
            raise CommandFailedError(no_place(error), ExitCode.MISSING) from error
    path = given or vm_socket(name)
    if len(utf8(str(path))) > LONGEST_SOCKET_PATH:
        raise CommandFailedError(
            f"{path}: a socket's path has at most {LONGEST_SOCKET_PATH} bytes", ExitCode.USAGE
        )
    if not path.parent.is_dir():
        raise CommandFailedError(f"{path.parent} is not a folder: make it first", ExitCode.MISSING)
    return path


def _log_to_stderr(verbose: int) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s.%(msecs)03d  %(levelname)-7s  %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("vmedia_bench.device").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("vmedia_bench.vhost").setLevel(logging.DEBUG if verbose > 1 else logging.INFO)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)
