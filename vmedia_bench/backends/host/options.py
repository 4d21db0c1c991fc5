"""Which of this system's devices to pass through: plain data, cheap to import."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """
    `device` is a path, a card name or a bus; empty: the first device that streams video.

    `zero_copy` lets a driver that takes USERPTR fill the guest's MMAP buffers by itself.
    """

    device: str = field(
        default="",
        metadata={"help": "Path, card name or bus of the device; empty: the first that streams."},
    )
    zero_copy: bool = field(
        default=True,
        metadata={"help": "Let the driver fill the guest's buffers itself where it can."},
    )
