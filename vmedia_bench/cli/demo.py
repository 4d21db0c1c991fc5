"""`vmedia-bench demo`: the device and the built-in guest, without a VM."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Never

import typer

from vmedia_bench.cli import camera_options as camera
from vmedia_bench.cli.common import FormOption
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.guest import Order, connected_driver
from vmedia_bench.cli.output import show_data

START_LIMIT_S = 20.0


def demo(
    frames: Annotated[int, typer.Option(min=1, help="How many frames to stream.")] = 120,
    save: Annotated[Path, typer.Option(help="Write the last frame to this PNG file.")] = Path(
        "frame.png"
    ),
    size: camera.Size = "640x480",
    pixel_format: camera.PixelFormat = None,
    fps: camera.Fps = 60,
    pattern: camera.Pattern = "smpte",
    motion: camera.Motion = 4,
    text: camera.Text = True,
    mplane: camera.Mplane = False,
    form: FormOption = Form.TABLE,
) -> None:
    """Serve a camera and stream from it with the built-in guest; save the last frame."""
    options = [
        *("--size", size, "--fps", str(fps), "--pattern", pattern),
        *("--motion", str(motion), "--text" if text else "--no-text"),
        *(
            "--mplane" if mplane else "--splane",
            *(("--pixel-format", pixel_format) if pixel_format else ()),
        ),
    ]
    _end_with_what_was_started()
    with _bench(options) as socket:
        _stream(socket, frames, save, form)


def _end_with_what_was_started() -> None:
    """SIGTERM and a closed terminal end the bench, too, as Ctrl-C does."""

    def end(number: int, _frame: object) -> Never:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


@contextmanager
def _bench(options: list[str]) -> Iterator[Path]:
    """A bench in a process of its own; gives its socket once it listens."""
    with tempfile.TemporaryDirectory(prefix="vmedia-bench-") as folder:
        socket = Path(folder) / "vm.sock"
        log = Path(folder) / "bench.log"
        command = [
            sys.executable,
            "-m",
            "vmedia_bench",
            "serve",
            "--socket-path",
            str(socket),
            "--name",
            f"demo-{os.getpid()}",
            *options,
        ]
        with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
            try:
                _wait_for(socket, process, log)
                yield socket
            finally:
                process.terminate()


def _wait_for(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > limit:
            lines = log.read_text(errors="replace").strip().splitlines()
            reason = (
                lines[-1].removeprefix("vmedia-bench: ") if lines else "the bench did not start"
            )
            raise CommandFailedError(reason, ExitCode.of_process(process.poll()))
        time.sleep(0.01)


def _stream(socket: Path, frames: int, save: Path, form: Form) -> None:
    from vmedia_bench.cli.session_view import session_view
    from vmedia_bench.cli.streaming import Wish, stream_frames

    views: list[str] = []
    with connected_driver(socket, Order.QEMU) as driver:
        result = stream_frames(
            driver, Wish(frames, save=save), lambda *seen: views.append(session_view(*seen))
        )
    show_data(asdict(result), form, lambda: f"{views[0]}\n\n{result.text()}")
    if result.violations:
        raise typer.Exit(ExitCode.FAILURE)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)
