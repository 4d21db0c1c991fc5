"""A streaming guest to look at from the control socket."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of, streaming
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream


@contextmanager
def streaming_guest(bench: Bench, count: int = 4) -> Iterator[tuple[Session, Stream]]:
    """A session that has had its first frames; it takes more only when the test asks it to."""
    with session_of(bench) as session, streaming(session, count=count) as stream:
        for _ in stream.frames(3):
            pass
        yield session, stream
