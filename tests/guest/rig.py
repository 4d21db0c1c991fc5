"""A scripted vhost-user media back-end in a thread: obeys a script, knows no device."""

from __future__ import annotations

import array
import mmap
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = struct.Struct("=III")
FEATURES = 1 << 32 | 1 << 30 | 1 << 29 | 1 << 28
PROTOCOL = 0x400629
CONFIG = struct.pack("<II32s", 0x04200001, 0, b"scripted camera")


class Ring:
    """The back-end's half of a split ring, as plain as it gets."""

    def __init__(self) -> None:
        self.size = 0
        self.base = 0
        self.addresses: tuple[int, int, int] = (0, 0, 0)
        self.kick = -1
        self.call = -1
        self.enabled = False

    @property
    def running(self) -> bool:
        return self.kick >= 0 and self.enabled and self.size > 0


class FakeBackend(threading.Thread):
    """Listens, serves one front-end after another, does what its fields say."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = str(path)
        self.features = FEATURES
        self.protocol = PROTOCOL
        self.queues = 2
        self.config = CONFIG
        self.shmem_sizes = [1 << 20]
        self.refuse: set[int] = set()
        self.close_at: set[int] = set()
        self.silent_at: set[int] = set()
        self.requests: list[int] = []
        self.vring_bases: list[tuple[int, int]] = []
        self.set_features: list[int] = []
        self.acked_protocol: list[int] = []
        self.chains: list[tuple[list[int], list[int]]] = []
        self.commands: list[bytes] = []
        self.media: Callable[[bytes, int], bytes] = lambda request, room: bytes(8)
        self.mute = False
        self.events: list[bytes] = []
        # Sent right behind the next answer, and at the next vhost-user message.
        self.late_events: list[bytes] = []
        self.message_events: list[bytes] = []
        self.kicks = 0
        self.rings = [Ring() for _ in range(2)]
        self.regions: list[tuple[int, int, int, mmap.mmap]] = []
        self.channel: socket.socket | None = None
        self.notify = True
        self._held: list[int] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen()
        self._wake_read, self._wake_write = os.pipe()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while self._ready(self._listener.fileno()):
                peer, _ = self._listener.accept()
                with peer:
                    self._serve(peer)
        except OSError as error:
            self.failure = error

    def stop(self) -> None:
        os.write(self._wake_write, b"x")
        self.join(5)
        self._listener.close()
        self._forget()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _ready(self, *fds: int) -> list[int]:
        poll = select.poll()
        for fd in (self._wake_read, *fds):
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll()]
        return [] if self._wake_read in ready else ready

    # -- vhost-user ------------------------------------------------------------------------

    def _forget(self) -> None:
        """Close whatever the last front-end handed over."""
        for fd in self._held:
            os.close(fd)
        self._held.clear()
        self.regions.clear()
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self.rings = [Ring() for _ in range(2)]

    def _serve(self, peer: socket.socket) -> None:
        self._forget()
        while True:
            kicks = {ring.kick: at for at, ring in enumerate(self.rings) if ring.running}
            ready = self._ready(peer.fileno(), *kicks)
            if not ready:
                return
            if peer.fileno() in ready and not self._message(peer):
                return
            for fd in ready:
                if fd in kicks:
                    os.read(fd, 8)
                    self.kicks += 1
                    self.pump()

    def _message(self, peer: socket.socket) -> bool:
        try:
            data, fds = _receive(peer, HEADER.size)
        except ConnectionError:
            return False
        if not data:
            return False
        number, flags, size = HEADER.unpack(data)
        payload, _ = _receive(peer, size) if size else (b"", [])
        self.requests.append(number)
        if number in self.close_at:
            return False
        if number in self.silent_at:
            return True
        if number in self.refuse:
            answer: bytes | None = struct.pack("=Q", 1) if flags & 8 else None
            if answer is None:
                return False
        else:
            answer = self._obey(number, payload, fds)
            if answer is None and flags & 8:
                answer = bytes(8)
        if answer is not None:
            peer.sendall(HEADER.pack(number, 5, len(answer)) + answer)
        self.events += self.message_events
        self.message_events.clear()
        self.pump()
        return True

    def _obey(self, number: int, payload: bytes, fds: list[int]) -> bytes | None:
        if number in {1, 15, 17}:
            value = {1: self.features, 15: self.protocol, 17: self.queues}[number]
            return struct.pack("=Q", value)
        if number == 2:
            self.set_features.append(struct.unpack("=Q", payload)[0])
        elif number == 16:
            self.acked_protocol.append(struct.unpack("=Q", payload)[0])
        elif number == 5:
            self._mem_table(payload, fds)
        elif number in {8, 10, 11, 18}:
            return self._vring_state(number, *struct.unpack("=II", payload))
        elif number == 9:
            at, _, desc, used, avail, _ = struct.unpack("=IIQQQQ", payload)
            self.rings[at].addresses = (desc, avail, used)
        elif number in {12, 13, 14}:
            self._held += fds
            self._vring_fd(number, payload[0], fds[0])
        elif number == 21:
            self.channel = socket.socket(fileno=fds[0])
        elif number == 24:
            offset, length, wanted = struct.unpack_from("=III", payload)
            return struct.pack("=III", offset, length, wanted) + self.config[offset:][:length]
        elif number == 44:
            sizes = self.shmem_sizes + [0] * (256 - len(self.shmem_sizes))
            return struct.pack("=II256Q", len(self.shmem_sizes), 0, *sizes)
        return None

    def _vring_fd(self, number: int, at: int, fd: int) -> None:
        if number == 12:
            self.rings[at].kick = fd
        elif number == 13:
            self.rings[at].call = fd

    def _vring_state(self, number: int, at: int, value: int) -> bytes | None:
        ring = self.rings[at]
        if number == 8:
            ring.size = value
        elif number == 10:
            self.vring_bases.append((at, value))
            ring.base = value
        elif number == 18:
            ring.enabled = bool(value)
        else:
            ring.kick = -1
            return struct.pack("=II", at, ring.base)
        return None

    def _mem_table(self, payload: bytes, fds: list[int]) -> None:
        self.regions = []
        for at, fd in enumerate(fds):
            gpa, size, user, offset = struct.unpack_from("=QQQQ", payload, 8 + 32 * at)
            self.regions.append((gpa, size, user, mmap.mmap(fd, size, offset=offset)))
            os.close(fd)

    # -- memory ----------------------------------------------------------------------------

    def at(self, address: int, length: int, *, user: bool = False) -> memoryview:
        for gpa, size, start, memory in self.regions:
            inside = address - (start if user else gpa)
            if inside >= 0 and inside + length <= size:
                return memoryview(memory)[inside : inside + length]
        raise ValueError(hex(address))

    # -- rings -----------------------------------------------------------------------------

    def pump(self) -> None:
        commands = self.rings[0]
        while commands.running and not self.mute:
            self.flush_events()
            chain = self._pop(commands)
            if chain is None:
                break
            head, readable, writable = chain
            request = b"".join(bytes(self.at(*span)) for span in readable)
            self.chains.append(([n for _, n in readable], [n for _, n in writable]))
            self.commands.append(request)
            answer = self.media(request, sum(n for _, n in writable))
            self.flush_events()
            self._push(commands, head, self._scatter(writable, answer))
            self.events += self.late_events
            self.late_events.clear()
        self.flush_events()

    def flush_events(self) -> None:
        ring = self.rings[1]
        while self.events and ring.running:
            chain = self._pop(ring)
            if chain is None:
                return
            head, _, writable = chain
            self._push(ring, head, self._scatter(writable, self.events.pop(0)))

    def _scatter(self, spans: list[tuple[int, int]], data: bytes) -> int:
        written = 0
        for address, length in spans:
            piece = data[written : written + length]
            self.at(address, len(piece))[:] = piece
            written += len(piece)
        return written

    def _pop(self, ring: Ring) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]] | None:
        desc, avail, used = ring.addresses
        (newest,) = struct.unpack("<H", self.at(avail + 2, 2, user=True))
        if newest == ring.base:
            if self.notify:
                event = self.at(used + 4 + 8 * ring.size, 2, user=True)
                event[:] = struct.pack("<H", ring.base)
            return None
        slot = avail + 4 + 2 * (ring.base % ring.size)
        (head,) = struct.unpack("<H", self.at(slot, 2, user=True))
        ring.base = (ring.base + 1) & 0xFFFF
        readable: list[tuple[int, int]] = []
        writable: list[tuple[int, int]] = []
        table = self.at(desc, 16 * ring.size, user=True)
        at = head
        while True:
            address, length, flags, after = struct.unpack_from("<QIHH", table, 16 * at)
            if flags & 4:
                table, at = self.at(address, length), 0
                continue
            (writable if flags & 2 else readable).append((address, length))
            if not flags & 1:
                return head, readable, writable
            at = after

    def _push(self, ring: Ring, head: int, length: int) -> None:
        _, _, used = ring.addresses
        index = self.at(used + 2, 2, user=True)
        (at,) = struct.unpack("<H", index)
        entry = self.at(used + 4 + 8 * (at % ring.size), 8, user=True)
        entry[:] = struct.pack("<II", head, length)
        index[:] = struct.pack("<H", (at + 1) & 0xFFFF)
        os.write(ring.call, b"\1" + bytes(7))

    # -- the back-end's channel ------------------------------------------------------------

    def shmem(self, number: int, fd: int, fields: tuple[int, int, int, int, int]) -> int:
        """Send SHMEM_MAP (9) or SHMEM_UNMAP (10) and wait for the verdict: 0 is yes."""
        assert self.channel is not None
        payload = struct.pack("=B7xQQQQ", *fields)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        message = HEADER.pack(number, 1 | 8, len(payload)) + payload
        self.channel.sendmsg([message], ancillary if fd >= 0 else [])
        self.channel.settimeout(5)
        answer = self.channel.recv(20, socket.MSG_WAITALL)
        return int(struct.unpack_from("=Q", answer, 12)[0])

    def config_change(self) -> None:
        assert self.channel is not None
        self.channel.sendall(HEADER.pack(2, 1, 0))


def _receive(peer: socket.socket, size: int) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = peer.recvmsg(size, socket.CMSG_SPACE(4 * 8))
    fds = array.array("i")
    for _, _, raw in ancillary:
        fds.frombytes(raw)
    while data and len(data) < size:
        data += peer.recv(size - len(data))
    return data, list(fds)
