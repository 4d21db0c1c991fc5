"""Where a bench of a given name keeps its sockets."""

import os
import tempfile
from pathlib import Path


def runtime_folder() -> Path:
    """`$XDG_RUNTIME_DIR/vmedia-bench`, else `vmedia-bench-UID` among the temporary files."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return Path(base) / "vmedia-bench"
    return Path(tempfile.gettempdir()) / f"vmedia-bench-{os.getuid()}"


def vm_socket(name: str) -> Path:
    """The vhost-user socket of the bench called `name`."""
    return runtime_folder() / f"{name}.vm.sock"


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
