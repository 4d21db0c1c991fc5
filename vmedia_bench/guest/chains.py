"""
How a command lies in guest memory and in a descriptor chain, as the Linux driver lays it out.

Shapes (virtio specification, "Media Device", "Ioctls payload"):

    R      command | response, payload
    W      command, payload | response
    WR     command, payload | response, payload            (one memory for both payloads)
    QBUF   command, buffer, planes, SG lists | response, buffer, planes
    CTRLS  command, ext_controls, controls, SG lists | response, ext_controls, controls
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.ram import GuestRam, Span
from vmedia_bench.wire import media

_SG_ENTRY = media.SG_ENTRY
_DESC = Struct("<QIHH")
_DESC_F_NEXT = 1
_DESC_F_WRITE = 2

# Parts of a command begin on such a boundary.
_ALIGN = 16


@dataclass(frozen=True, slots=True)
class Chain:
    """A descriptor chain: spans the device reads, then spans it writes."""

    readable: tuple[Span, ...]
    writable: tuple[Span, ...]

    @property
    def length(self) -> int:
        """Number of descriptors."""
        return len(self.readable) + len(self.writable)

    @property
    def room(self) -> int:
        """Bytes the device may write."""
        return sum(length for _, length in self.writable)

    def descriptors(self, first: int = 0) -> bytes:
        """Its descriptors, 16 bytes each, linked in a row from index `first` on."""
        last = self.length - 1
        spans = [(span, 0) for span in self.readable]
        spans += [(span, _DESC_F_WRITE) for span in self.writable]
        return b"".join(
            _DESC.pack(
                address,
                length,
                flags | (_DESC_F_NEXT if at < last else 0),
                first + at + 1 if at < last else 0,
            )
            for at, ((address, length), flags) in enumerate(spans)
        )


@dataclass(frozen=True, slots=True)
class Request:
    """
    What one command says, before it has addresses.

    `parts` are the pieces of the payload, a descriptor each: sent when `sends`, given back when
    `receives`. `lists` are SG lists, only ever sent. `response` is the size of the response's
    header in bytes, 0 for CLOSE.
    """

    command: bytes
    parts: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()
    sends: bool = False
    receives: bool = False
    response: int = media.RESP_HEADER.size

    @property
    def payload_size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts))

    @property
    def least_answer(self) -> int:
        """Bytes of payload without which Linux takes no answer: the first part."""
        return len(self.parts[0]) if self.receives and self.parts else 0


def sg_list(spans: Sequence[Span]) -> bytes:
    """The virtio_media_sg_entry array that names these spans."""
    return b"".join(_SG_ENTRY.pack(address, length) for address, length in spans)


class CommandMemory:
    """
    A run of guest memory in which one command at a time is laid out.

    `shared` makes a WR payload one memory for both directions, as the Linux driver does; else
    the device writes to memory of its own.
    """

    def __init__(self, ram: GuestRam, size: int, *, shared: bool = True) -> None:
        self._ram = ram
        self.shared = shared
        self.size = size
        self.address = ram.allocate(size)
        self.view = ram.at(self.address, size)
        self._writable: tuple[Span, ...] = ()

    def close(self) -> None:
        """Give the memory back."""
        self._ram.free(self.address)

    def lay_out(self, request: Request) -> Chain:
        """
        Copy a request into the memory and return its chain.

        The space for the answer is filled with 0xFF first, so that what a device leaves unwritten
        shows; a shared payload is not. Raises GuestError when the request does not fit.
        """
        at = 0
        command, at = self._put(request.command, at)
        response, at = self._put(b"\xff" * request.response, at)
        sent: list[Span] = []
        back: list[Span] = []
        for part in request.parts:
            span, at = self._put(part, at)
            if request.sends:
                sent.append(span)
            if request.receives and (self.shared or not request.sends):
                back.append(span)
        if request.sends and request.receives and not self.shared:
            for part in request.parts:
                span, at = self._put(b"\xff" * len(part), at)
                back.append(span)
        for entries in request.lists:
            span, at = self._put(entries, at)
            sent.append(span)
        readable = tuple(span for span in (command, *sent) if span[1])
        self._writable = tuple(span for span in (response, *back) if span[1])
        return Chain(readable, self._writable)

    def _put(self, data: bytes, at: int) -> tuple[Span, int]:
        end = at + len(data)
        if end > self.size:
            raise GuestError(f"a command of {end} bytes does not fit into {self.size}")
        self.view[at:end] = data
        return (self.address + at, len(data)), -(-end // _ALIGN) * _ALIGN

    def written(self, used: int) -> bytes:
        """The first `used` bytes that the device wrote along the last chain."""
        pieces = []
        for address, length in self._writable:
            take = min(length, used)
            start = address - self.address
            pieces.append(bytes(self.view[start : start + take]))
            used -= take
        return b"".join(pieces)
