"""A front-end that says exactly what it is told, and rings in memory that it may spoil."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.end_to_end.bench import Bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendError
from vmedia_bench.guest.queues import DriverQueue
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.vhost.layout import DESC, DESC_F_NEXT, DESC_F_WRITE, U16
from vmedia_bench.wire import media
from vmedia_bench.wire.vhost_user import P_BACKEND_REQ, P_CONFIG, P_MQ, P_REPLY_ACK

PROTOCOL = P_MQ | P_REPLY_ACK | P_BACKEND_REQ | P_CONFIG
LIMIT_S = 5.0

NEXT, WRITE, INDIRECT = DESC_F_NEXT, DESC_F_WRITE, 4
# address, length, flags, next
RawDescriptor = tuple[int, int, int, int]


@contextmanager
def front_end(bench: Bench) -> Iterator[Frontend]:
    """A connected front-end that has said nothing yet."""
    bench.mark()
    with Frontend.connect(bench.socket) as front:
        yield front
    bench.departed()


def negotiate(front: Frontend, *, reply_ack: bool = True) -> None:
    """Features and protocol features, all that a front-end needs before it shares memory."""
    features = front.get_features()
    wanted = PROTOCOL if reply_ack else PROTOCOL & ~P_REPLY_ACK
    front.set_protocol_features(front.get_protocol_features() & wanted)
    front.set_owner()
    front.set_features(features)


def is_closed(front: Frontend) -> bool:
    """Whether the bench hangs up, waiting for it; replies on the way are read."""
    try:
        while True:
            front.receive().close()
    except FrontendError as error:
        return not isinstance(error.__cause__, TimeoutError)


def write_chain(queue: DriverQueue, descriptors: Sequence[RawDescriptor]) -> None:
    """Put descriptors into the table from slot 0 on, flags and all."""
    queue.write_descriptors(0, b"".join(DESC.pack(*fields) for fields in descriptors))


def set_avail_idx(vmm: Vmm, queue: DriverQueue, index: int) -> None:
    """Set avail.idx, whatever was offered, and kick."""
    U16.pack_into(vmm.ram.at(queue.layout.avail + 2, 2), 0, index & 0xFFFF)
    queue.kick()


def offer_head(vmm: Vmm, queue: DriverQueue, head: int) -> None:
    """Offer a head that may be none."""
    slot = queue.next & (queue.size - 1)
    U16.pack_into(vmm.ram.at(queue.layout.avail + 4 + 2 * slot, 2), 0, head)
    queue.next = (queue.next + 1) & 0xFFFF
    set_avail_idx(vmm, queue, queue.next)


def used_index(vmm: Vmm, queue: DriverQueue) -> int:
    """used.idx as it stands in memory."""
    index: int = U16.unpack_from(vmm.ram.at(queue.layout.used + 2, 2))[0]
    return index


def ring_error(vmm: Vmm) -> str:
    """What the VMM hears by the err eventfds, waiting for it; "" when nothing comes."""
    try:
        vmm.wait_for(lambda: False, LIMIT_S)
    except BackendError as error:
        return str(error)
    return ""


def opens(driver: Driver) -> bool:
    """Whether OPEN and CLOSE work."""
    with driver.open() as session:
        return session.id != 0


def open_command() -> bytes:
    """The bytes of OPEN."""
    return media.CMD_HEADER.pack(media.CMD_OPEN, 0)
