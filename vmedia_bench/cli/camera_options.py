"""The options that say what camera to serve, shared by `serve` and `demo`."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from vmedia_bench.cli.arguments import frame_size
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError

if TYPE_CHECKING:
    from vmedia_bench.v4l2.ports import NodeMaker

Size: TypeAlias = Annotated[
    str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="Frame size to start with.")
]
PixelFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--pixel-format", metavar="FOURCC", help="Pixel format to start with, such as NV12."
    ),
]
Fps: TypeAlias = Annotated[
    float,
    typer.Option("--fps", min=0, help="Frames a second, 1 to 120; 0: as fast as buffers come."),
]
Pattern: TypeAlias = Annotated[
    str, typer.Option("--pattern", help="smpte, box, gradient, checker, noise, solid or ramp.")
]
Motion: TypeAlias = Annotated[
    int, typer.Option("--motion", help="Pixels a frame to the right, even.")
]
Text: TypeAlias = Annotated[
    bool, typer.Option("--text/--no-text", help="Burn in frame number and time.")
]
Mplane: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--mplane/--splane", help="Use V4L2's multi-planar API instead of the single-planar."
    ),
]
Card: TypeAlias = Annotated[
    str, typer.Option("--card", help="The device's name, as the guest sees it.")
]


def build_source(backend: str, size: str, **options: object) -> "NodeMaker":
    """A source from its name and options. CommandFailedError(USAGE) for what does not exist."""
    from vmedia_bench.backends import BACKENDS

    if backend not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise CommandFailedError(f"--backend {backend}: there is only {known}", ExitCode.USAGE)
    try:
        return BACKENDS[backend].build(size=frame_size(size), **options)
    except ValueError as error:
        raise CommandFailedError(f"--{error}", ExitCode.USAGE) from error
