"""
What the shell completes: names that are fixed, and those a running bench knows.

Completion asks the bench with a short timeout and is silent when it gets no answer.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import typer

ASK_LIMIT_S = 0.5


def complete_bench(incomplete: str) -> list[str]:
    """Names of running benches."""
    from vmedia_bench.control.names import running_benches

    return [name for name in running_benches() if name.startswith(incomplete)]


def complete_session(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """IDs of open sessions, and what each is at."""
    rows = _rows(ctx, "sessions.list", "sessions")
    return _starting(
        incomplete, ((str(row["id"]), f"{row['phase']} {row['format']}") for row in rows)
    )


def complete_backend(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Backends."""
    rows = _rows(ctx, "backends.list", "backends")
    return _starting(incomplete, ((row["name"], row["summary"]) for row in rows))


def complete_backend_here(incomplete: str) -> list[tuple[str, str]]:
    """Backends of this installation, no bench needed."""
    from vmedia_bench.backends import backends

    return _starting(incomplete, ((one.name, one.summary) for one in backends().values()))


def complete_control(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Keys of controls."""
    rows = _rows(ctx, "controls.list", "controls")
    return _starting(incomplete, ((row["key"], row["name"]) for row in rows))


def complete_preset(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Presets of fault rules."""
    rows = _rows(ctx, "faults.presets", "presets")
    return _starting(incomplete, ((row["name"], row["summary"]) for row in rows))


def complete_rule(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """IDs of fault rules."""
    rows = _rows(ctx, "faults.list", "faults")
    return _starting(incomplete, ((str(row["id"]), row["text"]) for row in rows))


def complete_errno(incomplete: str) -> list[str]:
    """Names of errors."""
    import errno

    return [
        name for name in sorted(errno.errorcode.values()) if name.startswith(incomplete.upper())
    ]


def complete_ioctl(incomplete: str) -> list[str]:
    """Names of ioctls, with the prefix where it was begun."""
    from vmedia_bench.wire.ioctls import IOCTLS

    wanted = incomplete.upper()
    names = sorted(ioctl.name for ioctl in IOCTLS.values())
    short = [name.removeprefix("VIDIOC_") for name in names]
    return [name for name in (*short, *names) if name.startswith(wanted)] if wanted else short


def complete_buffer_type(incomplete: str) -> list[str]:
    """Buffer types."""
    from vmedia_bench.wire.v4l2 import BufType

    return [kind.name for kind in BufType if kind.name.startswith(incomplete.upper())]


def complete_flag(incomplete: str) -> list[str]:
    """Buffer flags."""
    from vmedia_bench.wire.v4l2 import BufFlag

    names = [flag.name or "" for flag in BufFlag]
    return [name for name in names if name.startswith(incomplete.upper())]


def _words(*words: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [word for word in words if word.startswith(incomplete.upper())]


COMPLETERS: dict[str, Callable[..., object]] = {
    "session": complete_session,
    "backend": complete_backend,
    "control": complete_control,
    "preset": complete_preset,
    "id": complete_rule,
    "errno": complete_errno,
    "ioctl": complete_ioctl,
    "type": complete_buffer_type,
    "flags": complete_flag,
    "command": _words("OPEN", "CLOSE", "IOCTL", "MMAP", "MUNMAP"),
    "event": _words("DQBUF", "EVENT", "ERROR"),
}
"""By parameter of an operation."""


def _rows(ctx: typer.Context, method: str, rows: str) -> list[dict[str, str]]:
    from vmedia_bench.control.client import Client

    try:
        with _limited(), Client.connect(ctx.params.get("bench")) as client:
            found: list[dict[str, str]] = client.call(method)[rows]
    except Exception:  # noqa: BLE001 - a shell that completes must not be written to
        return []
    return found


@contextmanager
def _limited() -> Iterator[None]:
    """TimeoutError after a moment, whatever is being waited for."""

    def too_long(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, ASK_LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _starting(incomplete: str, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(word, text) for word, text in found if word.startswith(incomplete)]
