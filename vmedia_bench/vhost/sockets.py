"""UNIX sockets that carry file descriptors: sending, receiving, listening."""

import array
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path

from vmedia_bench.vhost.errors import ProtocolViolationError, SocketSetupError
from vmedia_bench.vhost.messages import close_fds
from vmedia_bench.wire.vhost_user import MAX_FDS

_ANCILLARY = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)


def receive(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """
    At most ``size`` bytes and the fds that came with them (close-on-exec); b"" at the end.

    Raises ProtocolViolationError, with every fd closed, when some did not fit (MSG_CTRUNC).
    """
    data, ancillary, flags, _address = sock.recvmsg(size, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
            fds.extend(numbers)
    if flags & socket.MSG_CTRUNC:
        close_fds(fds)
        raise ProtocolViolationError(f"more than {MAX_FDS} file descriptors on one message")
    return data, fds


def leads_to(address: str | bytes, fds: Sequence[int]) -> bool:
    """Whether one of the fds is a socket connected to that address; "" is nobody's."""
    for fd in fds:
        if not address or not stat.S_ISSOCK(os.fstat(fd).st_mode):
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(fd)) as sock:
            if sock.family == socket.AF_UNIX and sock.getpeername() == address:
                return True
    return False


def send(sock: socket.socket, data: bytes | memoryview, fds: Sequence[int] = ()) -> int:
    """Send what goes in one call, the fds on its first byte; returns the number of bytes."""
    if not fds:
        return sock.send(data)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))
    return sock.sendmsg([data], [rights])


def listen(path: Path) -> socket.socket:
    """
    A non-blocking socket that listens at ``path``; a dead socket file there is replaced.

    Raises SocketSetupError where something else, or somebody alive, is at that path.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        try:
            sock.bind(str(path))
        except OSError as problem:
            if problem.errno != EADDRINUSE:
                raise
            _remove_stale(path, problem)
            sock.bind(str(path))
        sock.listen(8)
        sock.setblocking(False)
    except OSError as problem:
        sock.close()
        raise SocketSetupError(f"cannot listen at {path}: {problem.strerror}") from problem
    except SocketSetupError:
        sock.close()
        raise
    return sock


def adopt(fd: int) -> tuple[socket.socket, bool]:
    """
    An inherited stream socket and whether it listens; raises SocketSetupError.

    The fd is the socket's from then on.
    """
    try:
        sock = socket.socket(fileno=fd)
    except OSError as problem:
        raise SocketSetupError(f"--fd {fd} is not a socket: {problem.strerror}") from problem
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        sock.detach()
        raise SocketSetupError(f"--fd {fd} is not a UNIX stream socket")
    sock.setblocking(False)
    sock.set_inheritable(False)
    return sock, bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _remove_stale(path: Path, problem: OSError) -> None:
    """Unlink a socket file that nobody listens at any more."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise SocketSetupError(f"{path} is there and is not a socket: choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
    raise SocketSetupError(
        f"another process listens at {path}: stop it, or choose another path"
    ) from problem
