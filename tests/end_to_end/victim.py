"""A guest in a process of its own that streams until it is killed: `python -m … SOCKET`."""

import sys

from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.probe import buffer_types
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import media


def main(socket: str) -> None:
    """Say `streaming` once frames come, then go on for ever."""
    with Vmm.connect(socket, memory_size=12 << 20) as vmm, Driver(vmm).open() as session:
        kind = buffer_types(media.CONFIG.unpack(vmm.config)[0])[0]
        with Stream(session, kind) as stream:
            stream.queue_all()
            stream.stream_on()
            stream.requeue(stream.next_frame())
            print("streaming", flush=True)
            while True:
                stream.requeue(stream.next_frame())


if __name__ == "__main__":
    main(sys.argv[1])
