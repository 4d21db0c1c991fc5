"""`vmedia-bench snapshot`: a frame as a picture file, or as the bytes that it is."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from vmedia_bench.cli.asking import connected
from vmedia_bench.cli.common import BenchOption, FormOption, QuietOption
from vmedia_bench.cli.completion import complete_session
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.cli.form import Form
from vmedia_bench.cli.output import print_json, print_lines


def snapshot(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            allow_dash=True,
            help="Where to write it: .png, .jpg, .webp, ... by its suffix; - is stdout, as PNG.",
        ),
    ],
    session: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Whose frame [default: whose was the last].",
            autocompletion=complete_session,
        ),
    ] = None,
    buffer: Annotated[
        int | None, typer.Option(min=0, help="Which buffer [default: the newest frame].")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes as they are, plane after plane.")
    ] = False,
    bench: BenchOption = None,
    form: FormOption = Form.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Write a frame to a file; stdout then says which one it is."""
    from vmedia_bench.cli.frame_file import picture_bytes, raw_bytes
    from vmedia_bench.picture.format import PictureError
    from vmedia_bench.picture.image import image_kind

    to_stdout = str(file) == "-"
    try:
        kind = "PNG" if raw or to_stdout else image_kind(file)
    except PictureError as error:
        raise CommandFailedError(f"{error}; --raw writes the bytes", ExitCode.USAGE) from error
    try:
        frame, planes = _frame(bench, {"session": session, "buffer": buffer})
        data = raw_bytes(planes) if raw else picture_bytes(frame, planes, kind)
    except PictureError as error:
        advice = "" if raw else "; --raw writes the bytes"
        raise CommandFailedError(f"{error}{advice}") from error
    if to_stdout:
        sys.stdout.buffer.write(data)
        return
    _write(file, data)
    _tell(frame, file, form, quiet)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("snapshot", short_help="Write a frame to a file.")(snapshot)


def _frame(bench: str | None, wanted: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """The frame's description and its planes."""
    params = {name: value for name, value in wanted.items() if value is not None}
    with connected(bench) as client:
        frame, fd = client.call_with_fd("frames.get", **params)
    if fd is None:
        raise CommandFailedError("there is no frame yet")
    with _closing(fd):
        return frame, [os.pread(fd, part["length"], part["offset"]) for part in frame["planes"]]


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(fd)


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandFailedError(f"cannot write {file}: {reason}", ExitCode.MISSING) from error


def _tell(frame: dict[str, Any], file: Path, form: Form, quiet: bool) -> None:
    said = {**frame, "file": str(file)}
    if form is Form.JSON:
        print_json(said)
    elif form is Form.JSONL:
        print_lines([said])
    elif not quiet:
        shape = f"{frame['fourcc']} {frame['width']}x{frame['height']}"
        place = f"session {frame['session']}, buffer {frame['buffer']}"
        print(f"{file}: {place}, sequence {frame['sequence']}, {shape}")
