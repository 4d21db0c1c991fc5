"""
Where a bench of a given name keeps its sockets, and which benches run.

Only the standard library: every command needs it before it can say a word.
"""

import os
import re
import socket
from pathlib import Path

LONGEST_SOCKET_PATH = 107
"""Bytes of a UNIX socket's path; the kernel takes no more."""
ENVIRONMENT = "VMEDIA_BENCH"
"""The environment variable that names the bench to talk to."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
CONTROL_SUFFIX = ".sock"
VM_SUFFIX = ".vm.sock"


def runtime_folder() -> Path:
    """`$XDG_RUNTIME_DIR/vmedia-bench`, else `vmedia-bench-UID` among the temporary files."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return Path(base) / "vmedia-bench"
    # Slow to import, and seldom needed.
    from tempfile import gettempdir

    return Path(gettempdir()) / f"vmedia-bench-{os.getuid()}"


def make_runtime_folder() -> Path:
    """The runtime folder, made with mode 0700 when it is missing.

    PermissionError when it belongs to somebody else: in a shared folder for temporary files
    anybody could have put it there first.
    """
    folder = runtime_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user: set XDG_RUNTIME_DIR")
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def no_place(problem: OSError) -> str:
    """Why there is no runtime folder, and what to do."""
    if problem.filename is None:
        return str(problem)
    return f"{problem.filename}: {problem.strerror}: set XDG_RUNTIME_DIR to a folder of yours"


def check_name(name: str) -> str:
    """The name as it is; ValueError for one that cannot be a socket's."""
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot name a bench: up to 64 letters, digits, '-' and '_', "
            "a letter or a digit first"
        )
    return name


def vm_socket(name: str) -> Path:
    """The vhost-user socket of the bench called `name`."""
    return runtime_folder() / f"{name}{VM_SUFFIX}"


def control_socket(name: str) -> Path:
    """The control socket of the bench called `name`; ValueError for an impossible name."""
    return runtime_folder() / (check_name(name) + CONTROL_SUFFIX)


def is_live(path: Path) -> bool:
    """Whether somebody listens at a UNIX socket; a file that nobody listens at is stale."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def running_benches() -> list[str]:
    """The names of the benches of this user that run now, sorted."""
    folder = runtime_folder()
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [path.stem for path in entries if _is_control(path) and is_live(path)]


def _is_control(path: Path) -> bool:
    return path.suffix == CONTROL_SUFFIX and _NAME.fullmatch(path.stem) is not None
