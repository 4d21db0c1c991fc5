"""
Work that may block, raise or die, in a process of its own.

There are two ways to use it. A whole VideoSource goes out of the bench with no change to it:

    WorkerSource("package.module:MySource", options, name="my backend")

is a NodeMaker whose source is made there, as `MySource(options)` (`worker.source`). What needs
messages of its own starts a function and talks to it:

    worker = Worker("package.module:main", argument, name="decoder")
    hello = worker.receive(timeout=5.0)          # before the loop runs: waits, but not for ever
    worker.watch(reactor, heard, ended)          # on the loop: heard(bytes), ended("exit code 1")
    worker.send(b"a message", [fd])              # never blocks; WorkerError when it cannot
    worker.close()                               # killed and reaped

and in package/module.py, where blocking is fine:

    def main(channel: Channel, argument: object) -> None:
        channel.send(b"hello")
        while (message := channel.receive()) is not None:
            ...                                  # message.data, message.fds

Frames do not travel in messages but in `SharedFrames`: made in the bench, its `fd` sent along,
attached in the child. Read what a child says with care: it may be broken (bytes by `struct` or
`msgspec` with types, never pickle). What goes to the child, `argument`, is pickled.
"""

from vmedia_bench.backends.worker.channel import MESSAGE_LIMIT, Channel, Message
from vmedia_bench.backends.worker.process import Worker, WorkerError
from vmedia_bench.backends.worker.shared_frames import SharedFrames

__all__ = ["MESSAGE_LIMIT", "Channel", "Message", "SharedFrames", "Worker", "WorkerError"]
