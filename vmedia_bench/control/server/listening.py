"""The control socket's place in the file system: private, and one bench a name."""

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vmedia_bench.control.names import (
    LONGEST_SOCKET_PATH,
    control_socket,
    is_live,
    make_runtime_folder,
    no_place,
)

BACKLOG = 256
"""Twice the clients that are let in: those too many are told so, not left at the door."""
_PRIVATE_FOLDER = 0o077
_UMASK = 0o177
_CREDENTIALS = struct.Struct("=3i")


class ControlSocketError(Exception):
    """The control socket cannot be had; the message says why and what to do."""


def own_control_socket(name: str) -> Path:
    """Where the bench of that name listens, its folder made; raises ControlSocketError."""
    try:
        path = control_socket(name)
        make_runtime_folder()
    except ValueError as problem:
        raise ControlSocketError(str(problem)) from problem
    except OSError as problem:
        raise ControlSocketError(f"no control socket: {no_place(problem)}") from problem
    return path


def listen(path: Path) -> socket.socket:
    """
    A non-blocking socket that listens at `path` with mode 0600; a stale one there is replaced.

    Raises ControlSocketError where somebody listens already, or it cannot be made.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise ControlSocketError(
            f"{path}: a socket's path has at most {LONGEST_SOCKET_PATH} bytes: "
            "set XDG_RUNTIME_DIR to a shorter one"
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with _alone_in(path.parent):
            _make_room(path)
            _bind_private(sock, path)
            sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as problem:
        sock.close()
        raise ControlSocketError(f"cannot listen at {path}: {problem.strerror}") from problem
    except ControlSocketError:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket.socket) -> int:
    """The user of the process at the other end, as the kernel knows it."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(raw)[1]
    return uid


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: of two benches that start at once, one sees the other's socket."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_mode & _PRIVATE_FOLDER:
            raise ControlSocketError(f"{folder} is not a folder of yours alone (mode 0700)")
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _make_room(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlSocketError(f"{path} is there and is not a socket: remove it")
    if is_live(path):
        raise ControlSocketError(
            f"a bench called {path.stem} runs already: choose another --name, or stop that one"
        )
    path.unlink()


def _bind_private(sock: socket.socket, path: Path) -> None:
    before = os.umask(_UMASK)
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)
