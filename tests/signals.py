"""Signals as a process is to find them when it starts, whatever the suite itself was started by."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def handled(number: int, how: Any) -> Iterator[None]:
    """Within the block children start with that signal so; nohup leaves SIGHUP ignored, say."""
    before = signal.signal(number, how)
    try:
        yield
    finally:
        signal.signal(number, before)
