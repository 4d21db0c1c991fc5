"""Whoever keeps what went over the rings."""

from typing import Protocol

from vmedia_bench.vhost.ring import Chain


class Recorder(Protocol):
    """Called on the hot path, so it does no more than append.

    Times are CLOCK_MONOTONIC in ns. `answer` and `event` are what the device had to say, which is
    cut to the chain's room; `used` is the used length that the driver was told.
    """

    def command(
        self, chain: Chain, answer: bytes, used: int, started_ns: int, ended_ns: int
    ) -> None:
        """A command was popped, executed, and given back."""
        ...

    def event(self, chain: Chain, event: bytes, used: int, started_ns: int) -> None:
        """An event buffer was filled and given back."""
        ...
