"""How a codec is asked for: plain data, checked, cheap to import."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final, Literal

from vmedia_bench.backends.loopback.options import check_card

CODES: Final = ("H264", "HEVC", "VP80", "VP90", "AV01", "MPG2")

Direction = Literal["decoder", "encoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecOptions:
    """
    What kind of codec the guest finds. Raises ValueError for what cannot be.

    `sessions` bounds how many coding processes run at once; STREAMON of one more is EBUSY.
    `stuck_after` is seconds without a sign of life, after which a coding process is given up.
    """

    direction: Direction = field(
        default="decoder",
        metadata={"help": "What it does.", "choices": ("decoder", "encoder")},
    )
    formats: str = field(
        default=",".join(CODES), metadata={"help": "Coded formats to offer, by commas."}
    )
    mplane: bool = field(default=False, metadata={"help": "Use the multi-planar API."})
    threads: int = field(default=0, metadata={"help": "Threads a process; 0: as many as pays."})
    frame_threads: bool = field(
        default=False,
        metadata={"help": "Decode several frames at once: faster, but each comes later."},
    )
    sessions: int = field(default=8, metadata={"help": "How many may decode at once."})
    stuck_after: float = field(
        default=10.0, metadata={"help": "Seconds without an answer until a process is given up."}
    )
    card: str = field(default="vmedia-bench codec", metadata={"help": "Name of the device."})

    def __post_init__(self) -> None:
        if self.direction not in {"decoder", "encoder"}:
            raise ValueError(f"direction {self.direction!r}: not decoder or encoder")
        if not set(self.codes) <= set(CODES):
            raise ValueError(f"formats {self.formats!r}: not out of {','.join(CODES)}")
        if not 0 <= self.threads <= 64:
            raise ValueError(f"threads {self.threads}: not 0 to 64")
        if not 1 <= self.sessions <= 64:
            raise ValueError(f"sessions {self.sessions}: not 1 to 64")
        if not 0.1 <= self.stuck_after <= 600:
            raise ValueError(f"stuck_after {self.stuck_after}: not 0.1 to 600 seconds")
        check_card(self.card)

    @property
    def codes(self) -> tuple[str, ...]:
        """The coded formats to offer, the default one first."""
        return tuple(self.formats.split(","))


def unusable() -> str:
    """Say why no codec can run here; "" when one can."""
    if find_spec("av") is None:
        return "PyAV is not installed: pip install 'vmedia-bench[av]'"
    return ""
