"""The messages of a handshake, each a step by its name; `orders` says who says what when."""

from vmedia_bench.guest.channel import BackendChannel
from vmedia_bench.guest.errors import BackendError
from vmedia_bench.guest.link import Link
from vmedia_bench.guest.orders import ORDERS, Order
from vmedia_bench.guest.queues import DriverQueue
from vmedia_bench.guest.ram import USER_BASE, GuestRam
from vmedia_bench.guest.settings import VmmSettings
from vmedia_bench.guest.shmem import ShmemRegion
from vmedia_bench.vhost.memory import RegionSpec
from vmedia_bench.wire import media
from vmedia_bench.wire import vhost_user as vu

# SHMEM moved from bit to bit; 21 and 20 mean something else today.
_SHMEM_BITS = (22, 21, 20)
_AMBIGUOUS = frozenset((20, 21))


class Handshake:
    """
    What is said on one connection, and what the back-end answered.

    `running` is set while the rings run. `eventfds` has two descriptors each for "kick", "call"
    and "err". Steps raise BackendError.
    """

    def __init__(
        self,
        path: str,
        settings: VmmSettings,
        ram: GuestRam,
        eventfds: dict[str, list[int]],
    ) -> None:
        self.settings = settings
        self.order: Order = ORDERS[settings.order]
        self.running = False
        self.features_offered = self.features = 0
        self.protocol_offered = self.protocol = 0
        self.shmem_bit = -1
        self.queue_count = 0
        self.shmem_count = 0
        self.shmem_sizes: tuple[int, ...] = ()
        self.regions: dict[int, ShmemRegion] = {}
        self.config = b""
        self.channel: BackendChannel | None = None
        self._ram = ram
        self._eventfds = eventfds
        self.link = Link.connect(path, settings.timeout)

    def close(self) -> None:
        """Close both sockets."""
        self.running = False
        self.link.close()
        if self.channel is not None:
            self.channel.close()

    def introduce(self) -> None:
        """Everything that is said before there are rings."""
        for step in self.order.connect:
            self._step(step)

    def start(self, queues: tuple[DriverQueue, DriverQueue], bases: tuple[int, int]) -> None:
        """Hand features, memory and rings over, and let the rings run."""
        for step in self.order.start:
            self._step(step)
        for ring in (0, 1):
            for step in self.order.ring:
                self._ring_step(step, ring, queues[ring], bases[ring])
        for step in self.order.after_rings:
            for ring in (0, 1):
                self._ring_step(step, ring, queues[ring], bases[ring])
        self.running = True

    def stop(self, queues: tuple[DriverQueue, DriverQueue]) -> tuple[int, int]:
        """Disable and stop both rings; their avail indexes."""
        bases = []
        for ring, queue in enumerate(queues):
            if self.features & vu.F_PROTOCOL_FEATURES:
                self.link.set_vring_enable(ring, enable=False)
            answer = self.link.ask(vu.Request.GET_VRING_BASE, vu.VRING_STATE.pack(ring, 0))
            index, base = vu.VRING_STATE.unpack(answer)
            if index != ring or (queue.next - base) & 0xFFFF > queue.size:
                raise BackendError(
                    f"back-end answered GET_VRING_BASE of ring {ring} with ring {index}, {base}"
                )
            bases.append(base)
        self.running = False
        return bases[0], bases[1]

    def _step(self, name: str) -> None:
        getattr(self, f"_{name.lower()}")()

    def _set_owner(self) -> None:
        self.link.set_owner()

    def _get_features(self) -> None:
        self.features_offered = self.link.get_features()
        if not self.features_offered & vu.F_VERSION_1:
            raise BackendError("back-end does not offer VIRTIO_F_VERSION_1")

    def _get_protocol_features(self) -> None:
        if self.features_offered & vu.F_PROTOCOL_FEATURES:
            self.protocol_offered = self.link.get_protocol_features()

    def _set_protocol_features(self) -> None:
        if not self.features_offered & vu.F_PROTOCOL_FEATURES:
            return
        settings = self.settings
        wanted = self.order.protocol if settings.protocol is None else settings.protocol
        self.protocol = self.protocol_offered & wanted
        if settings.shmem and self.protocol & vu.P_BACKEND_REQ:
            candidates = _SHMEM_BITS if settings.shmem_bit is None else (settings.shmem_bit,)
            offered = [bit for bit in candidates if self.protocol_offered >> bit & 1]
            self.shmem_bit = offered[0] if offered else -1
            self.protocol |= 1 << offered[0] if offered else 0
        self._ram.user_base = 0 if self.shmem_bit in _AMBIGUOUS else USER_BASE
        self.link.set_protocol_features(self.protocol)
        self.link.reply_ack &= self.order.acknowledged

    def _get_queue_num(self) -> None:
        if not self.protocol & vu.P_MQ:
            return
        self.queue_count = self.link.get_queue_num()
        if self.queue_count < media.QUEUE_COUNT:
            raise BackendError(f"back-end has {self.queue_count} queues, a media device has 2")

    def _set_backend_req_fd(self) -> None:
        if not self.protocol & vu.P_BACKEND_REQ:
            return
        end = self.link.open_channel(self.settings.timeout)
        channel = BackendChannel(end, self.regions, lambda: self.running)
        channel.answer = self.settings.shmem_answer
        self.channel = channel
        self.link.channel = channel.fileno()
        self.link.serve = channel.serve

    def _get_shmem_config(self) -> None:
        if self.shmem_bit < 0:
            return
        answer = self.link.ask(vu.Request.GET_SHMEM_CONFIG)
        self.shmem_count, _, *sizes = vu.SHMEM_CONFIG.unpack(answer)
        self.shmem_sizes = tuple(sizes)
        sized = {shmid: size for shmid, size in enumerate(sizes) if size}
        if self.order.single_region and len(sized) > 1:
            raise BackendError(
                f"{self.order.name} takes one shared-memory region, not {len(sized)}"
            )
        self.regions.update({shmid: ShmemRegion(shmid, size) for shmid, size in sized.items()})

    def _get_config(self) -> None:
        if self.protocol & vu.P_CONFIG:
            self.config = self.link.get_config(0, media.CONFIG.size)

    def _set_features(self) -> None:
        wanted = self.settings.features | vu.F_PROTOCOL_FEATURES
        self.features = self.features_offered & wanted
        self.link.set_features(self.features)

    def _set_mem_table(self) -> None:
        user = self._ram.user_address
        self.link.set_mem_table(
            [
                (RegionSpec(r.guest_address, r.size, user(r.guest_address), r.mmap_offset), r.fd)
                for r in self._ram.regions
            ]
        )

    def _set_vring_call(self) -> None:
        for ring, fd in enumerate(self._eventfds["call"]):
            self.link.set_vring_call(ring, fd)

    def _set_vring_err(self) -> None:
        for ring, fd in enumerate(self._eventfds["err"]):
            self.link.set_vring_err(ring, fd)

    def _ring_step(self, step: str, ring: int, queue: DriverQueue, base: int) -> None:
        link, layout, user = self.link, queue.layout, self._ram.user_address
        if step == "SET_VRING_NUM":
            link.set_vring_num(ring, queue.size)
        elif step == "SET_VRING_BASE":
            link.set_vring_base(ring, base)
        elif step == "SET_VRING_ADDR":
            link.set_vring_addr(ring, user(layout.desc), user(layout.avail), user(layout.used))
        elif step == "SET_VRING_KICK":
            link.set_vring_kick(ring, self._eventfds["kick"][ring])
        elif step == "SET_VRING_CALL":
            link.set_vring_call(ring, self._eventfds["call"][ring])
        elif self.features & vu.F_PROTOCOL_FEATURES:
            link.set_vring_enable(ring)
