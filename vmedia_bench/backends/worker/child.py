"""The worker's end: what runs first in the child process."""

import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from importlib import import_module

from vmedia_bench.backends.worker.channel import Channel

_LAST_MOMENTS_S = 3.0


def boot() -> None:
    """Run what the bench asks for; `sys.argv` has a name, the channel's descriptor, its pid."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(int(sys.argv[3]))
    channel = Channel(socket.socket(fileno=int(sys.argv[2])), takes_fds=True)
    message = channel.receive()
    if message is None:
        return
    target, argument = pickle.loads(message.data)
    module, _, name = target.partition(":")
    getattr(import_module(module), name)(channel, argument)


def _end_with(parent: int) -> None:
    """End this process when the bench ends, whatever it is at."""
    try:
        pidfd = os.pidfd_open(parent)
    except ProcessLookupError:
        os._exit(0)
    if os.getppid() != parent:
        os._exit(0)

    def wait() -> None:
        select.select([pidfd], [], [])
        # The channel says so too: who listens to it may put things in order.
        time.sleep(_LAST_MOMENTS_S)
        os._exit(0)

    threading.Thread(target=wait, daemon=True, name="bench's end").start()
