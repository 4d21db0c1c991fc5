"""
The back-end's half of the vhost-user protocol for one connection, without I/O.

Messages in, replies out, in whatever order the front-end sends them. Source: QEMU's
docs/interop/vhost-user.rst.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from vmedia_bench.vhost.device import Device, Port
from vmedia_bench.vhost.errors import (
    MemoryTableError,
    ProtocolViolationError,
    RequestRefusedError,
)
from vmedia_bench.vhost.memory import GuestMemory, RegionSpec
from vmedia_bench.vhost.messages import RULES, Message, Rule, check_message, encode_reply
from vmedia_bench.vhost.observer import (
    Counters,
    DevicePaused,
    DeviceReset,
    DeviceResumed,
    DeviceStarted,
    MessageReceived,
    MessageRefused,
    Negotiated,
    Observer,
    RingError,
)
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.vhost.vring import Vring
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    F_EVENT_IDX,
    F_INDIRECT_DESC,
    F_PROTOCOL_FEATURES,
    MAX_CONFIG,
    MAX_SHMEM_REGIONS,
    MEM_REGION,
    MEM_TABLE,
    P_REPLY_ACK,
    SHMEM_CONFIG,
    SINGLE_REGION,
    U64,
    VRING_ADDR,
    VRING_INDEX_MASK,
    VRING_STATE,
    Request,
    feature_names,
    protocol_feature_names,
)

_EVENTFD_NAMES = {
    Request.SET_VRING_KICK: "kick",
    Request.SET_VRING_CALL: "call",
    Request.SET_VRING_ERR: "err",
}


class Host(Protocol):
    """What the protocol asks of its surroundings."""

    def ring_live(self, index: int) -> None:
        """A ring became live: watch its kick eventfd and look into it at once."""

    def ring_idle(self, index: int) -> None:
        """A ring is not to be served any more, or its kick eventfd is about to change."""

    def give_up(self, index: int) -> None:
        """A ring stops: nothing of it may stay in the device."""

    def running(self, yes: bool) -> None:
        """Whether the front-end can take requests of ours now."""

    def mappings_gone(self) -> None:
        """The front-end dropped all shared-memory mappings."""

    def channel(self, fd: int) -> None:
        """Take this fd as the back-end channel; raises RequestRefusedError."""

    def negotiated(self, protocol_features: int) -> None:
        """The protocol features in force."""


class Backend:
    """
    The state of one connection.

    ``handle`` returns what to send back, if anything, and raises ProtocolViolationError when the
    connection has to be closed. It closes every fd that it does not keep.
    """

    def __init__(
        self,
        device: Device,
        vrings: Sequence[Vring],
        memory: GuestMemory,
        *,
        port: Port,
        settings: Settings,
        host: Host,
        observer: Observer,
        counters: Counters,
    ) -> None:
        self._device = device
        self._port = port
        self._vrings = vrings
        self._memory = memory
        self._settings = settings
        self._host = host
        self._observer = observer
        self._counters = counters
        self.features = 0
        self.protocol_features = 0
        self.attached = False
        self._paused = False
        self._halted = True
        self._running = False
        self._live: set[int] = set()
        self._armed: set[int] = set()
        self._rebased: set[int] = set()
        self._handlers = self._table()

    @property
    def is_running(self) -> bool:
        """Whether the device runs, as the front-end sees it."""
        return self._running

    def handle(self, message: Message) -> bytes | None:
        """Act on one message; its fds are taken or closed when this returns."""
        name = message.name
        self._observer(MessageReceived(message.request, name, message.payload, len(message.fds)))
        handler = self._handlers.get(message.request)
        rule = RULES.get(message.request)
        try:
            if handler is None or rule is None:
                return self._unknown(message)
            check_message(message, rule)
            payload = handler(message)
        except (RequestRefusedError, MemoryTableError) as problem:
            return self._refuse(message, rule, str(problem))
        finally:
            message.close()
        if payload is not None:
            return encode_reply(message.request, payload)
        return self._acknowledge(message, 0)

    def gone(self) -> None:
        """The front-end is gone: everything that was its goes too."""
        for vring in self._vrings:
            self._host.ring_idle(vring.index)
            self._host.give_up(vring.index)
            vring.close()
        self._live.clear()
        self._running = False
        if self.attached:
            self.attached = False
            self._device.detach()
        self._memory.close()

    def _table(self) -> dict[int, Callable[[Message], bytes | None]]:
        table: dict[int, Callable[[Message], bytes | None]] = {
            Request.GET_FEATURES: lambda _: U64.pack(self._settings.features),
            Request.SET_FEATURES: self._set_features,
            Request.SET_OWNER: lambda _: None,
            Request.RESET_OWNER: self._reset_owner,
            Request.SET_MEM_TABLE: self._set_mem_table,
            Request.SET_VRING_NUM: self._set_vring_num,
            Request.SET_VRING_ADDR: self._set_vring_addr,
            Request.SET_VRING_BASE: self._set_vring_base,
            Request.GET_VRING_BASE: self._get_vring_base,
            Request.SET_VRING_KICK: self._set_eventfd,
            Request.SET_VRING_CALL: self._set_eventfd,
            Request.SET_VRING_ERR: self._set_eventfd,
            Request.GET_PROTOCOL_FEATURES: lambda _: U64.pack(self._settings.protocol_features),
            Request.SET_PROTOCOL_FEATURES: self._set_protocol_features,
            Request.GET_QUEUE_NUM: lambda _: U64.pack(len(self._vrings)),
            Request.SET_VRING_ENABLE: self._set_vring_enable,
            Request.SET_BACKEND_REQ_FD: self._set_backend_req_fd,
            Request.GET_CONFIG: self._get_config,
            Request.SET_CONFIG: self._set_config,
            Request.GET_SHMEM_CONFIG: self._get_shmem_config,
        }
        if self._settings.reset_device:
            table[Request.RESET_DEVICE] = self._reset_device
        if self._settings.memory_slots:
            table[Request.GET_MAX_MEM_SLOTS] = lambda _: U64.pack(self._settings.memory_slots)
            table[Request.ADD_MEM_REG] = self._add_mem_reg
            table[Request.REM_MEM_REG] = self._rem_mem_reg
        return table

    # Replies and refusals

    def _acknowledge(self, message: Message, result: int) -> bytes | None:
        if not self._asks_reply(message):
            return None
        return encode_reply(message.request, U64.pack(result))

    def _asks_reply(self, message: Message) -> bool:
        return message.asks_reply and bool(self.protocol_features & P_REPLY_ACK)

    def _unknown(self, message: Message) -> bytes | None:
        self._tell_refusal(message, "not known, or not offered")
        return self._acknowledge(message, 1)

    def _refuse(self, message: Message, rule: Rule | None, reason: str) -> bytes | None:
        self._tell_refusal(message, reason)
        if message.request == Request.GET_CONFIG:
            return encode_reply(message.request, b"")
        answerable = rule is not None and not rule.replies
        if answerable and self._asks_reply(message):
            return self._acknowledge(message, 1)
        raise ProtocolViolationError(f"{message.name}: {reason}")

    def _tell_refusal(self, message: Message, reason: str) -> None:
        self._counters.messages_refused += 1
        self._observer(MessageRefused(message.name, reason))

    # Features

    def _set_features(self, message: Message) -> None:
        bits: int = U64.unpack(message.payload)[0]
        if bits & ~self._settings.features:
            names = " ".join(feature_names(bits & ~self._settings.features))
            raise RequestRefusedError(f"features that were not offered: {names}")
        self.features = bits
        if not bits & F_PROTOCOL_FEATURES:
            for vring in self._vrings:
                vring.enabled = True
        self._announce_features()
        self._settle_rings()

    def _set_protocol_features(self, message: Message) -> None:
        bits: int = U64.unpack(message.payload)[0]
        extra = bits & ~self._settings.protocol_features
        if extra:
            names = " ".join(protocol_feature_names(extra, self._settings.shmem_bit))
            raise RequestRefusedError(f"protocol features that were not offered: {names}")
        self.protocol_features = bits
        self._host.negotiated(bits)
        self._announce_features()

    def _announce_features(self) -> None:
        self._observer(
            Negotiated(
                feature_names(self.features),
                protocol_feature_names(self.protocol_features, self._settings.shmem_bit),
            )
        )

    # Memory

    def _set_mem_table(self, message: Message) -> None:
        body = message.payload[MEM_TABLE.size :]
        specs = [RegionSpec(*fields) for fields in MEM_REGION.iter_unpack(body)]
        self._memory.replace(specs, message.fds)
        self._memory_changed()

    def _add_mem_reg(self, message: Message) -> None:
        if len(self._memory.regions) >= self._settings.memory_slots:
            raise RequestRefusedError(f"no more than {self._settings.memory_slots} regions")
        _padding, *fields = SINGLE_REGION.unpack(message.payload)
        self._memory.add(RegionSpec(*fields), message.fds[0])
        self._memory_changed()

    def _rem_mem_reg(self, message: Message) -> None:
        _padding, *fields = SINGLE_REGION.unpack(message.payload)
        self._memory.remove(RegionSpec(*fields))
        self._memory_changed()

    def _memory_changed(self) -> None:
        for vring in self._vrings:
            vring.bind(self._memory)
        self._settle_rings()

    # Rings

    def _set_vring_num(self, message: Message) -> None:
        index, size = VRING_STATE.unpack(message.payload)
        self._vring(index).set_size(size, self._settings.max_queue_size)

    def _set_vring_addr(self, message: Message) -> None:
        index, _flags, desc, used, avail, _log = VRING_ADDR.unpack(message.payload)
        vring = self._vring(index)
        vring.set_addresses(desc, avail, used)
        vring.bind(self._memory)
        self._settle_rings()

    def _set_vring_base(self, message: Message) -> None:
        index, base = VRING_STATE.unpack(message.payload)
        self._vring(index).set_base(base)
        self._rebased.add(index)

    def _get_vring_base(self, message: Message) -> bytes:
        index, _number = VRING_STATE.unpack(message.payload)
        vring = self._vring(index)
        self._halt()
        self._host.give_up(index)
        self._host.ring_idle(index)
        self._live.discard(index)
        self._rebased.discard(index)
        return VRING_STATE.pack(index, vring.stop())

    def _set_eventfd(self, message: Message) -> None:
        value: int = U64.unpack(message.payload)[0]
        vring = self._vring(value & VRING_INDEX_MASK)
        name = _EVENTFD_NAMES[Request(message.request)]
        if name == "kick":
            self._host.ring_idle(vring.index)
            self._live.discard(vring.index)
        fd = message.fds[0] if message.fds else None
        vring.set_fd(name, fd)
        message.fds.clear()
        if name == "kick":
            self._start(vring)

    def _start(self, vring: Vring) -> None:
        vring.restart()
        self._halted = False
        self._settle_rings()

    def _set_vring_enable(self, message: Message) -> None:
        index, enabled = VRING_STATE.unpack(message.payload)
        if enabled > 1:
            raise RequestRefusedError(f"ring {index}: {enabled} is neither 0 nor 1")
        self._vring(index).enabled = bool(enabled)
        self._settle_rings()

    def _vring(self, index: int) -> Vring:
        if index >= len(self._vrings):
            raise RequestRefusedError(f"there is no ring {index}, there are {len(self._vrings)}")
        return self._vrings[index]

    def _settle_rings(self) -> None:
        """Bring the rings that are served, and the device, in line with what is configured."""
        for vring in self._vrings:
            if vring.started and vring.enabled and vring.ring is None:
                self._open(vring)
        live = {vring.index for vring in self._vrings if vring.live}
        for index in self._live - live:
            self._host.ring_idle(index)
        fresh, self._live = live - self._live, live
        if fresh:
            self._wake_device()
        self._update_running()
        for index in sorted(fresh):
            self._host.ring_live(index)

    def _open(self, vring: Vring) -> None:
        before = vring.error
        running = vring.start(
            self._memory,
            event_idx=bool(self.features & F_EVENT_IDX),
            indirect=bool(self.features & F_INDIRECT_DESC),
        )
        if not running and vring.error != before:
            vring.signal_error()
            self._observer(RingError(vring.index, vring.error))

    def _update_running(self) -> None:
        started = [vring for vring in self._vrings if vring.started]
        # A ring that starts beside running ones stops nothing by not being enabled yet.
        counted = [v for v in started if not self._running or v.index in self._armed]
        running = not self._halted and bool(counted) and all(v.enabled for v in counted)
        if running and all(v.enabled for v in started):
            self._armed = {vring.index for vring in started}
        if running != self._running:
            self._running = running
            self._host.running(running)

    # The device's life

    def _wake_device(self) -> None:
        """Rings run: the first time, after a pause, or after a reset."""
        if self.attached and not self._paused:
            return
        resumes = self.attached and self._is_resumption()
        if self.attached and not resumes:
            self._drop_state()
        self._paused = False
        self.attached = True
        if resumes:
            self._device.resume()
            self._observer(DeviceResumed())
        else:
            self._device.attach(self._port)
            self._observer(DeviceStarted())

    def _is_resumption(self) -> bool:
        """Whether every ring that was given a new base was given the one at which it stopped."""
        return all(
            vring.stopped_at is None or self._started_from(vring) == vring.stopped_at
            for vring in self._vrings
            if vring.index in self._rebased
        )

    def _started_from(self, vring: Vring) -> int:
        return vring.base if vring.ring is None else vring.ring.last_avail

    def _halt(self) -> None:
        """The front-end stops the rings: nothing more goes out, and the device is to hold on."""
        self._halted = True
        self._update_running()
        if self.attached and not self._paused:
            self._paused = True
            self._device.pause()
            self._observer(DevicePaused())

    def _drop_state(self) -> None:
        self._host.mappings_gone()
        self._device.reset()
        self._observer(DeviceReset())

    def _reset_device(self, _message: Message) -> None:
        self._halted = True
        self._update_running()
        for vring in self._vrings:
            self._host.give_up(vring.index)
            self._host.ring_idle(vring.index)
            vring.stop()
            vring.stopped_at = None
            vring.enabled = False
        self._live.clear()
        self._paused = False
        if self.attached:
            self.attached = False
            self._drop_state()

    def _reset_owner(self, _message: Message) -> None:
        """Deprecated; the specification allows it to disable the rings and nothing else."""
        for vring in self._vrings:
            vring.enabled = False
        self._settle_rings()

    # Configuration space and channel

    def _get_config(self, message: Message) -> bytes:
        offset, size, flags = CONFIG.unpack_from(message.payload)
        if offset + size > MAX_CONFIG:
            raise RequestRefusedError(f"{size} bytes of configuration at {offset}")
        # Beyond its end a configuration space reads as zero.
        data = self._device.config_space()[offset : offset + size]
        return CONFIG.pack(offset, size, flags) + data.ljust(size, b"\0")

    def _set_config(self, message: Message) -> bytes | None:
        offset, _size, _flags = CONFIG.unpack_from(message.payload)
        data = message.payload[CONFIG.size :]
        if self._device.write_config(offset, data):
            return None
        # It is the guest that writes: no reason to part with the front-end.
        self._tell_refusal(message, f"the device takes no {len(data)} bytes at {offset}")
        return U64.pack(1) if self._asks_reply(message) else None

    def _get_shmem_config(self, _message: Message) -> bytes:
        sizes = list(self._device.shmem_sizes())
        count = sum(1 for size in sizes if size)
        return SHMEM_CONFIG.pack(count, 0, *sizes, *[0] * (MAX_SHMEM_REGIONS - len(sizes)))

    def _set_backend_req_fd(self, message: Message) -> None:
        self._host.channel(message.fds[0])
        message.fds.clear()
