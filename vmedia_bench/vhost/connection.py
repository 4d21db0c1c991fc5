"""One connected front-end: its sockets and eventfds on the event loop, and what hangs on them."""

import asyncio
import os
import select
import socket
import struct
from collections.abc import Callable

from vmedia_bench.vhost.backend import Backend
from vmedia_bench.vhost.channel import BackendChannel
from vmedia_bench.vhost.device import Device
from vmedia_bench.vhost.errors import ProtocolViolationError, RequestRefusedError
from vmedia_bench.vhost.memory import GuestMemory
from vmedia_bench.vhost.messages import Message, MessageReader, close_fds
from vmedia_bench.vhost.observer import ChannelError, Counters, DeviceFailed, FrontendGone, Observer
from vmedia_bench.vhost.pump import Pump
from vmedia_bench.vhost.recorder import Recorder
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.vhost.sockets import leads_to, receive, send
from vmedia_bench.vhost.vring import RingStatus, Vring
from vmedia_bench.wire.vhost_user import P_BACKEND_REQ, P_CONFIG, P_REPLY_ACK

READS_PER_TURN = 32
"""Reads of the front-end's socket before the loop looks after others."""
MAX_UNSENT = 64 << 10
"""Bytes of replies that a front-end may leave unread."""
KICKLESS_POLL_S = 0.001
"""How often to look into a ring that the front-end gave no kick eventfd."""
EVENTS_TAKEN_LIMIT_S = 0.02
"""How long a driver may take for its events before it is not waited for any more."""


def peer_name(sock: socket.socket) -> str:
    """The process at the other end of a UNIX socket, as the kernel knows it."""
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("=3i"))
    except OSError:
        return "unknown process"
    pid, uid, _gid = struct.unpack("=3i", raw)
    return f"pid {pid}, uid {uid}"


class Connection:
    """
    Serves one front-end until it is gone; ``on_gone`` is called once, with everything closed.

    It is the Host of the protocol and the Port of the device.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        device: Device,
        *,
        settings: Settings,
        observer: Observer,
        counters: Counters,
        recorder: Recorder | None,
        held: frozenset[int],
        on_gone: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._observer = observer
        self._counters = counters
        self._on_gone = on_gone
        self._reader = MessageReader()
        self._unsent = bytearray()
        self._closed = False
        self._turn_due = False
        self._watched: dict[int, int] = {}
        self._pollers: dict[int, asyncio.TimerHandle] = {}
        self._channel_sock: socket.socket | None = None
        self.peer = peer_name(sock)
        self._memory = GuestMemory()
        self.vrings = [Vring(index) for index in range(device.queue_count)]
        self._pump = Pump(
            device,
            self.vrings,
            observer,
            counters,
            idle=self.ring_idle,
            again=self._events_again,
            recorder=recorder,
            poll_ns=settings.poll_us * 1000,
        )
        for index in held:
            self._pump.hold(index)
        self._channel = BackendChannel(
            loop.call_later,
            self._send_requests,
            lambda reason: observer(ChannelError(reason)),
            timeout=settings.reply_timeout,
        )
        self._shmem_bit = 1 << settings.shmem_bit
        self.backend = Backend(
            device,
            self.vrings,
            self._memory,
            port=self,
            settings=settings,
            host=self,
            observer=observer,
            counters=counters,
        )
        loop.add_reader(sock, self._readable)

    @property
    def hung_up(self) -> bool:
        """Whether the front-end is gone, though what it said before may still be unread."""
        poller = select.poll()
        poller.register(self._sock, 0)
        return bool(poller.poll(0))

    def close(self, reason: str = "") -> None:
        """Part with the front-end; an empty reason where there is nothing to complain about."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._close_channel()
        self.backend.gone()
        self._reader.close()
        self._sock.close()
        self._on_gone()
        self._observer(FrontendGone(reason))

    # The main socket

    def _readable(self) -> bool:
        """Read some messages; False when that were all for now."""
        return all(not self._closed and self._read_once() for _ in range(READS_PER_TURN))

    def _read_once(self) -> bool:
        """Read what is there of one header or payload; False when that is all for now."""
        try:
            data, fds = receive(self._sock, self._reader.wanted)
            if fds and leads_to(self._sock.getsockname(), fds):
                # Held by us, it would keep this connection open after the front-end has gone.
                close_fds(fds)
                self.close("the front-end sent its own end of the connection")
                return False
            if not data:
                close_fds(fds)
                self.close("" if self._reader.idle else "the front-end left within a message")
                return False
            messages = self._reader.feed(data, fds)
            for message in messages:
                if self._closed:
                    message.close()
                else:
                    self._handle(message)
        except (BlockingIOError, InterruptedError):
            return False
        except ProtocolViolationError as problem:
            self.close(str(problem))
            return False
        except OSError as problem:
            self.close(f"the socket failed: {problem.strerror}")
            return False
        return True

    def _handle(self, message: Message) -> None:
        self._counters.messages += 1
        try:
            reply = self.backend.handle(message)
        except ProtocolViolationError:
            raise
        except Exception as error:  # noqa: BLE001  (the front-end would wait for ever)
            self._observer(DeviceFailed(message.payload, error))
            self.close(f"{message.name} failed here: {error!r}")
            return
        if reply is not None:
            self._unsent += reply
            self._writable()
        if self._memory.lost:
            self.close(self._memory.lost)

    def _writable(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            if len(self._unsent) > MAX_UNSENT:
                self.close("the front-end does not read its replies")
                return
            self._loop.add_writer(self._sock, self._writable)
            return
        except OSError as problem:
            self.close(f"the socket failed: {problem.strerror}")
            return
        self._loop.remove_writer(self._sock)

    # The rings (Host)

    def ring_live(self, index: int) -> None:
        """Watch the ring's kick eventfd, and look into the ring at once."""
        vring = self.vrings[index]
        self._pump.started(vring)
        if vring.kick >= 0:
            self._watched[index] = vring.kick
            self._loop.add_reader(vring.kick, self._kicked, index, vring.kick)
        else:
            self._poll(index)
        if index == 0:
            self._schedule_turn()
        else:
            self._events_again()

    def ring_idle(self, index: int) -> None:
        """Do not watch the ring's kick eventfd any more."""
        fd = self._watched.pop(index, None)
        if fd is not None:
            self._loop.remove_reader(fd)
        poller = self._pollers.pop(index, None)
        if poller is not None:
            poller.cancel()

    def give_up(self, index: int) -> None:
        """Return what the device still holds of a ring that stops."""
        self._pump.give_up(self.vrings[index])

    def hold(self, index: int) -> None:
        """Pop nothing from a ring until `release`, by the operator's will."""
        self._pump.hold(index)

    def release(self, index: int) -> None:
        """Serve a held ring again, beginning with what waits in it."""
        self._pump.release(index)
        if index == 0:
            self._schedule_turn()
        else:
            self._events_again()

    @property
    def busy(self) -> bool:
        """Whether the command ring is served turn after turn, without a pause for a kick."""
        return self._turn_due

    @property
    def config_told(self) -> bool:
        """Whether the front-end knows of every change of the config space."""
        return self._channel.config_told

    def ring_statuses(self) -> tuple[RingStatus, ...]:
        """How the rings stand now."""
        return tuple(
            vring.status(
                held=self._pump.holds(vring.index), in_flight=self._pump.in_flight(vring.index)
            )
            for vring in self.vrings
        )

    def running(self, yes: bool) -> None:
        """The device runs, or stops: the back-end channel is opened or held."""
        if yes:
            self._channel.run()
        else:
            self._channel.hold()

    def mappings_gone(self) -> None:
        """A reset: the front-end forgot what we mapped."""
        self._channel.reset()

    def negotiated(self, protocol_features: int) -> None:
        """Tell the back-end channel what the front-end understands."""
        requests = bool(protocol_features & P_BACKEND_REQ)
        self._channel.reply_ack = bool(protocol_features & P_REPLY_ACK)
        self._channel.offers_shmem = requests and bool(protocol_features & self._shmem_bit)
        self._channel.offers_config = requests and bool(protocol_features & P_CONFIG)

    def _poll(self, index: int) -> None:
        self._pollers[index] = self._loop.call_later(KICKLESS_POLL_S, self._poll, index)
        if index == 0:
            self._turn()
        else:
            self._pump_events()

    def _kicked(self, index: int, fd: int) -> None:
        try:  # noqa: SIM105  (suppress costs 0.3 us on each kick)
            os.read(fd, 8)
        except BlockingIOError:
            pass
        if index == 0:
            self._pump.kicked()
            if not self._turn_due:
                self._turn()
        else:
            self._counters.kicks += 1
            self._pump_events()

    def _schedule_turn(self) -> None:
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        if not all(vring.live for vring in self.vrings) and not self._heard_all():
            return
        if self._closed:
            return
        again = self._pump.turn()
        if self._memory.lost:
            self.close(self._memory.lost)
        elif again:
            self._schedule_turn()

    def _heard_all(self) -> bool:
        """
        Whether a command waits, and all that was said before it is heard.

        A front-end that asks for no acknowledgement may still be starting the eventq when its
        guest's first command is there already.
        """
        if not self._pump.has_work():
            return False
        if self._readable():
            self._schedule_turn()
            return False
        return True

    def _events_again(self) -> None:
        self._loop.call_soon(self._pump_events)

    def _pump_events(self) -> None:
        if not self._closed:
            self._pump.pump_events()
            if self._memory.lost:
                self.close(self._memory.lost)

    # The back-end channel

    def channel(self, fd: int) -> None:
        """Take a socket as the back-end channel in place of the one before, if any."""
        try:
            sock = socket.socket(fileno=fd)
        except OSError as problem:
            raise RequestRefusedError(f"the back-end channel is no socket: {problem}") from problem
        sock.setblocking(False)
        self._close_channel()
        self._channel_sock = sock
        self._loop.add_reader(sock, self._answers)
        self._channel.open = True
        if self.backend.is_running:
            self._channel.run()

    def _close_channel(self) -> None:
        sock, self._channel_sock = self._channel_sock, None
        if sock is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()
        self._channel.close()

    def _answers(self) -> None:
        if self._channel_sock is None:
            return
        try:
            data, fds = receive(self._channel_sock, 4096)
            close_fds(fds)
            if not data:
                self._lose_channel("the front-end closed it")
                return
            self._channel.feed(data)
        except (BlockingIOError, InterruptedError):
            return
        except ProtocolViolationError as problem:
            self.close(str(problem))
        except OSError as problem:
            self._lose_channel(str(problem))

    def _send_requests(self) -> None:
        sock, outgoing = self._channel_sock, self._channel.outgoing
        if sock is None:
            return
        try:
            while outgoing:
                data, fd = outgoing[0]
                sent = send(sock, data, () if fd < 0 else (fd,))
                if fd >= 0:
                    os.close(fd)
                outgoing[0] = (data[sent:], -1)
                if sent == len(data):
                    outgoing.popleft()
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(sock, self._send_requests)
            return
        except OSError as problem:
            # The device may be in the middle of a command: it hears of it in a turn of its own.
            self._loop.call_soon(self._lose_channel, str(problem))
            return
        self._loop.remove_writer(sock)

    def _lose_channel(self, reason: str) -> None:
        if self._channel_sock is not None:
            self._close_channel()
            self._observer(ChannelError(reason))

    # The device's Port

    @property
    def memory(self) -> GuestMemory:
        """The guest's memory."""
        return self._memory

    def shmem_map(
        self,
        shmid: int,
        fd: int,
        fd_offset: int,
        shm_offset: int,
        length: int,
        writable: bool,
        done: Callable[[bool], None],
    ) -> None:
        """Ask the front-end to show a piece of a file to the guest."""
        fields = (shmid, fd_offset, shm_offset, length)
        self._channel.map(fields, fd, writable=writable, done=done)

    def shmem_unmap(
        self, shmid: int, shm_offset: int, length: int, done: Callable[[bool], None]
    ) -> None:
        """Ask the front-end to take it away."""
        self._channel.unmap(shmid, shm_offset, length, done)

    def config_changed(self) -> None:
        """The configuration space is another."""
        self._channel.config_changed()

    def events_ready(self) -> None:
        """Write waiting events into the eventq."""
        self._pump_events()

    def after_events(self, done: Callable[[], None]) -> None:
        """Wait for the driver to be through with its events, though not for long."""
        called = False

        def once() -> None:
            nonlocal called
            if not called:
                called = True
                timer.cancel()
                self._pump.wait_no_more(once)
                done()

        timer = self._loop.call_later(EVENTS_TAKEN_LIMIT_S, once)
        self._pump.after_events(once)
