"""The options that say what camera to serve, shared by `serve` and `demo`."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from vmedia_bench.cli.arguments import frame_size, utf8
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


CAMERA = ("size", "pixel_format", "fps", "pattern", "motion", "text", "mplane", "card")
"""Parameters of commands that say what the pattern camera starts with."""
_FIELDS = {"pixel_format": "format"}
"""What the backend calls those that it calls something else."""


def camera_settings(values: Mapping[str, object]) -> dict[str, str]:
    """The pattern camera's options as the registry reads them, from a command's parameters."""
    from vmedia_bench.backends.options import text_of

    frame_size(str(values["size"]))
    utf8(str(values["card"]))
    named = {_FIELDS.get(name, name): values[name] for name in CAMERA}
    return {name: text_of(value) for name, value in named.items() if value is not None}


def build_source(
    name: str, settings: Mapping[str, str], *, own: Collection[str] = ()
) -> "NodeMaker":
    """A backend's source from its options as text; those in `own` are the command's, not --set's.

    CommandFailedError: USAGE for what does not exist, MISSING where the backend cannot run here.
    """
    from vmedia_bench.backends import backend, backends

    try:
        chosen = backend(name)
    except KeyError:
        known = ", ".join(backends())
        raise CommandFailedError(
            f"--backend {name}: there is only {known}", ExitCode.USAGE
        ) from None
    reason = chosen.hindrance()
    if reason:
        raise CommandFailedError(f"--backend {name}: {reason}", ExitCode.MISSING)
    try:
        return chosen.build_from_text(settings)
    except ValueError as error:
        raise CommandFailedError(_as_typed(name, str(error), own), ExitCode.USAGE) from error
    except OSError as error:
        raise CommandFailedError(f"--backend {name}: {error}", ExitCode.MISSING) from error


def _as_typed(backend: str, problem: str, own: Collection[str]) -> str:
    """A backend's problem, with the option that it begins with as the command line has it."""
    option = problem.split(" ", 1)[0].rstrip(":")
    if option in own:
        typed = {field: parameter.replace("_", "-") for parameter, field in _FIELDS.items()}
        return "--" + problem.replace(option, typed.get(option, option), 1)
    return f"--set {problem}" if option.isidentifier() else f"--backend {backend}: {problem}"
