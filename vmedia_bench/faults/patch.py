"""Bytes that are put over others. Made when a rule is added, so that firing is one slice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """`data` over what is at `offset`, in bytes from the start of a response or an event."""

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """First byte behind it."""
        return self.offset + len(self.data)

    def touches(self, start: int, end: int) -> bool:
        """Whether it changes any of the bytes from `start` to before `end`."""
        return self.offset < end and start < self.end

    def apply(self, data: bytes) -> bytes:
        """`data` with the patch over it; what reaches beyond its end is cut off."""
        room = max(len(data) - self.offset, 0)
        return data[: self.offset] + self.data[:room] + data[self.end :]
