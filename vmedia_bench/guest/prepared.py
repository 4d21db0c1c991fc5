"""Commands whose chains are built once and run many times: the way to benchmark a back-end."""

from vmedia_bench.guest.chains import Chain, CommandMemory, Request
from vmedia_bench.guest.errors import BackendError, GuestError
from vmedia_bench.guest.queues import CommandQueue
from vmedia_bench.guest.ram import GuestRam

_HEADER = 8


class PreparedCommand:
    """
    One command laid out in guest memory, ready to run.

    `parts` are the pieces of payload the device will read and `replies` where it writes theirs,
    writable views of guest memory and, for a WR ioctl with shared memory, the same bytes: fill
    them again before each run when their content matters. `payload` and `reply` are the first
    of each. `used` is the last used length in bytes, `full` the least one of a good answer.

    With `own_slots` its descriptors stay in the table and it may run within a batch; else it
    borrows the first slots, which is as fast when commands run one by one.
    """

    __slots__ = (
        "_borrows",
        "_chain",
        "_descriptors",
        "_least",
        "_memory",
        "_queue",
        "_slots",
        "_status",
        "full",
        "head",
        "parts",
        "payload",
        "replies",
        "reply",
        "used",
    )

    def __init__(
        self,
        queue: CommandQueue,
        ram: GuestRam,
        request: Request,
        *,
        shared: bool = True,
        own_slots: bool = False,
    ) -> None:
        size = 2 * (request.payload_size + 64) + sum(map(len, request.lists)) + 512
        self._queue = queue
        self._memory = CommandMemory(ram, size, shared=shared)
        self._chain = self._memory.lay_out(request)
        self._borrows = not own_slots
        if self._borrows and self._chain.length > queue.shared_slots:
            self._memory.close()
            raise GuestError(f"a chain of {self._chain.length} does not fit into the shared slots")
        self.head = queue.take_slots(self._chain.length) if own_slots else 0
        self._descriptors = self._chain.descriptors(self.head)
        self._slots = slice(16 * self.head, 16 * self.head + len(self._descriptors))
        queue.desc[self._slots] = self._descriptors
        self._least = request.response
        at = self._chain.writable[0][0] if self._chain.writable else self._memory.address
        self._status = ram.at(at, 4).cast("I")
        pieces = len(request.parts)
        sent = self._chain.readable[1 : 1 + pieces] if request.sends else ()
        back = self._chain.writable[1 : 1 + pieces] if request.receives else ()
        self.parts = tuple(ram.at(*span) for span in sent)
        self.replies = tuple(ram.at(*span) for span in back)
        self.payload = self.parts[0] if self.parts else memoryview(bytearray())
        self.reply = self.replies[0] if self.replies else memoryview(bytearray())
        self.full = self._least + request.least_answer
        self.used = 0

    @property
    def chain(self) -> Chain:
        """Its descriptor chain."""
        return self._chain

    def run(self) -> int:
        """Run it alone; the status, 0 or a positive errno. Raises BackendError."""
        queue = self._queue
        if self._borrows:
            queue.desc[self._slots] = self._descriptors
        used = self.used = queue.transact(self.head)
        if used < self._least:
            raise BackendError(f"back-end returned a chain with {used} bytes, a header has 8")
        return self._status[0] if self._least else 0

    def settle(self, used: int) -> int:
        """Take note of the used length a batch found for it; the status. Raises BackendError."""
        self.used = used
        if used < self._least:
            raise BackendError(f"back-end returned a chain with {used} bytes, a header has 8")
        return self._status[0] if self._least else 0

    def answer(self) -> bytes:
        """A copy of the payload bytes that the device wrote after the header."""
        if len(self.replies) == 1:
            return bytes(self.reply[: max(self.used - _HEADER, 0)])
        return self._memory.written(self.used)[_HEADER:]

    def close(self) -> None:
        """Give memory and slots back; it must not run again."""
        self._memory.close()
        if not self._borrows:
            self._queue.give_slots(self.head, self._chain.length)
