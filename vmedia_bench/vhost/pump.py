"""Between the rings and the device: commands in, responses and events out, one turn at a time."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic_ns

from vmedia_bench.vhost.device import Device, Pending
from vmedia_bench.vhost.errors import ChainRefusedError, RingCorruptError
from vmedia_bench.vhost.observer import (
    ChainRefused,
    Counters,
    DeviceFailed,
    Observer,
    RingError,
)
from vmedia_bench.vhost.recorder import Recorder
from vmedia_bench.vhost.ring import Chain, DeviceRing
from vmedia_bench.vhost.vring import Vring

CHAINS_PER_TURN = 64
"""Chains of a ring that are served before the loop looks after others."""
CHAINS_PER_FLUSH = 4
"""Chains that are served before the driver gets to see what is done: it need not wait for all."""
TURN_NS, SHORT_TURN_NS = 2_000_000, 200_000
"""The same as a time: chains can be long. The shorter one where the device wants the loop."""
SHORTEST_SPIN_NS = 2_000
VAIN_LIMIT = 16
"""Looks in vain, although the driver was busy, before they are given up for a while."""
SHORTEST_REST, LONGEST_REST = 64, 4096
"""For how many kicks they are given up."""

_ONE = (1).to_bytes(8, "little")


class SpinWindow:
    """
    How long to look for more work before sleeping, learnt from what looking brought.

    At its longest when a kick comes soon after the loop fell asleep, halved when in vain: a
    busy driver is met awake, and a camera's guest at 30 frames a second costs no CPU time. Where
    looking never helps, however busy the driver (both on one processor), it is given up for a
    while, each time for longer.
    """

    __slots__ = ("_asleep_since", "_longest", "_rest", "_resting", "_vain", "ns")

    def __init__(self, longest_ns: int) -> None:
        self._longest = longest_ns
        self._asleep_since = 0
        self._vain = 0
        self._rest = SHORTEST_REST
        self._resting = 0
        self.ns = longest_ns

    def hit(self) -> None:
        """Work came while looking."""
        self.ns = self._longest
        self._vain = 0
        self._rest = SHORTEST_REST

    def miss(self, now: int) -> None:
        """Nothing came; the loop sleeps from ``now`` on."""
        self._asleep_since = now
        if self.ns:
            self._vain += 1
        self.ns = self.ns // 2 if self.ns > SHORTEST_SPIN_NS else 0

    def woken(self, now: int) -> None:
        """A kick came."""
        if now - self._asleep_since >= 2 * self._longest:
            return
        if self._resting:
            self._resting -= 1
        elif self._vain >= VAIN_LIMIT:
            self._vain = 0
            self._resting = self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
            self.ns = 0
        else:
            self.ns = self._longest


class Pump:
    """
    Serves the command ring and the event ring of one front-end.

    ``idle`` is told the index of a ring that stops for good, ``again`` that events are left for
    another turn. Clock: CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self,
        device: Device,
        vrings: list[Vring],
        observer: Observer,
        counters: Counters,
        *,
        idle: Callable[[int], None],
        again: Callable[[], None],
        recorder: Recorder | None = None,
        poll_ns: int = 100_000,
        now: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._device = device
        self._commands = vrings[0]
        self._events = vrings[1] if len(vrings) > 1 else None
        self._observer = observer
        self._counters = counters
        self._idle = idle
        self._again = again
        self._recorder = recorder
        self._now = now
        self._window = SpinWindow(poll_ns)
        self._awake = False
        self._in_turn = False
        self._in_flight: dict[int, tuple[Vring, Chain, int]] = {}
        self._held: set[int] = set()
        self._lost: set[int] = set()
        self._after_events: dict[Callable[[], None], None] = {}
        self._tickets = 0

    def kicked(self) -> None:
        """A kick of the command ring arrived."""
        self._counters.kicks += 1
        self._window.woken(self._now())

    def has_work(self) -> bool:
        """Whether the command ring has something to serve; where not, it asks for a kick."""
        vring = self._commands
        ring = vring.ring
        if ring is None or not vring.live or 0 in self._held:
            return False
        self._awake = False
        return ring.enable_kicks()

    def turn(self) -> bool:
        """
        Serve the command ring; True when it wants another turn without a kick.

        Kicks are switched off from the first turn to the one that finds nothing more, which
        switches them on and looks once again.
        """
        vring = self._commands
        ring = vring.ring
        if ring is None or not vring.live or 0 in self._held:
            self._awake = False
            return False
        self._in_turn = True
        try:
            if not self._awake:
                ring.suppress_kicks()
                self._awake = True
            return self._serve(ring)
        except RingCorruptError as problem:
            self._corrupt(vring, problem)
            return False
        finally:
            self._in_turn = False

    def pump_events(self) -> None:
        """Move waiting events into the driver's buffers, and tell it."""
        if self._events is None or not self._events.live or 1 in self._held:
            return
        self._fill_events(self._events)
        if not self._in_turn:
            self._flush(self._events)
        if self._after_events and self._events_taken():
            waiting, self._after_events = self._after_events, {}
            for done in waiting:
                done()

    def after_events(self, done: Callable[[], None]) -> None:
        """Call `done` once the driver has offered the buffers of all events again; maybe now."""
        if self._events is not None:
            self._flush(self._events)
        if self._events_taken():
            done()
        else:
            self._after_events[done] = None

    def wait_no_more(self, done: Callable[[], None]) -> None:
        """Forget one that waits for `after_events`, if it still does."""
        self._after_events.pop(done, None)

    def _events_taken(self) -> bool:
        """Whether the driver has no event left to look at; asks for a kick where it has."""
        ring = None if self._events is None or not self._events.live else self._events.ring
        try:
            return ring is None or ring.all_offered() or ring.ask_for_all()
        except RingCorruptError:
            # Whoever uses the ring next says so; nobody has to wait for it.
            return True

    def hold(self, index: int) -> None:
        """Pop nothing from a ring any more, by the operator's will."""
        self._held.add(index)

    def release(self, index: int) -> None:
        """Serve a held ring again; the caller sees to its next turn."""
        self._held.discard(index)

    def holds(self, index: int) -> bool:
        """Whether a ring is held."""
        return index in self._held

    def in_flight(self, index: int) -> int:
        """How many chains of a ring were popped and wait for their answer."""
        return sum(vring.index == index for vring, _chain, _started in self._in_flight.values())

    def started(self, vring: Vring) -> None:
        """A ring became live: whatever it holds already is to be served."""
        self._after_events.clear()
        if vring is self._commands:
            self._awake = False
        elif vring.ring is not None:
            with suppress(RingCorruptError):
                vring.ring.suppress_kicks()

    def give_up(self, vring: Vring) -> None:
        """Return the chains of a stopping ring that the device still works on, with length 0.

        Those that are lost do not go back: who waited for them has given up long since.
        """
        for ticket, (owner, chain, _started) in list(self._in_flight.items()):
            if owner is not vring:
                continue
            if ticket in self._lost:
                self._lost.discard(ticket)
                del self._in_flight[ticket]
            else:
                self._complete(ticket, b"")
            self._observer(ChainRefused(vring.index, f"stopped with chain {chain[0]} at work"))

    def _serve(self, ring: DeviceRing) -> bool:
        now, pop, push = self._now, ring.pop, ring.push
        device, counters, vring = self._device, self._counters, self._commands
        execute = device.execute
        recorder = self._recorder
        held = self._held
        record = None if recorder is None else recorder.command
        started = now()
        end = min(started + TURN_NS, max(device.due_ns, started + SHORT_TURN_NS))
        left = CHAINS_PER_TURN
        try:
            while left and started < end and 0 not in held:
                try:
                    chain = pop()
                    if chain is not None:
                        left -= 1
                        counters.commands += 1
                        try:
                            answer = execute(chain[1], chain[2])
                        except Exception as error:  # noqa: BLE001  (a bug must not leave the guest waiting)
                            self._observer(DeviceFailed(chain[1], error))
                            answer = b""
                        if isinstance(answer, bytes):
                            if device.events_waiting:
                                self.pump_events()
                            used = push(chain, answer)
                            ended = now()
                            if record is not None:
                                record(chain, answer, used, started, ended)
                            # The next one begins where this one ends.
                            started = ended
                        else:
                            self._promise(vring, chain, answer, started)
                            started = now()
                        if not left % CHAINS_PER_FLUSH:
                            self._flush_all()
                        continue
                except ChainRefusedError as problem:
                    left -= 1
                    self._refused(vring, problem)
                    started = now()
                    continue
                self._flush_all()
                if not self._spin(ring) and not ring.enable_kicks():
                    self._awake = False
                    return False
                ring.suppress_kicks()
                started = now()
        finally:
            self._flush_all()
        return True

    def _spin(self, ring: DeviceRing) -> bool:
        """Look for work for a while; whether some came."""
        now, window = self._now, self._window
        start = moment = now()
        end = start + window.ns
        while moment < end:
            if ring.has_work():
                self._counters.spin_hits += 1
                window.hit()
                return True
            # The driver may need this very processor to bring work.
            os.sched_yield()
            moment = now()
        if end > start:
            self._counters.spin_misses += 1
        window.miss(moment)
        return False

    def _pop(self, vring: Vring, ring: DeviceRing) -> Chain | None:
        """The next good chain; None when there is none, or when a bad one went back."""
        try:
            return ring.pop()
        except ChainRefusedError as problem:
            self._refused(vring, problem)
            return None

    def _promise(self, vring: Vring, chain: Chain, answer: Pending, started: int) -> None:
        """Keep a chain until its answer is there."""
        self._tickets += 1
        self._in_flight[self._tickets] = (vring, chain, started)
        if getattr(answer, "lost", False):
            self._lost.add(self._tickets)
        answer.then(partial(self._complete, self._tickets))

    def _complete(self, ticket: int, answer: bytes, used: int | None = None) -> None:
        """A pending command has its answer; dropped when its ring is gone."""
        entry = self._in_flight.pop(ticket, None)
        if entry is None:
            return
        vring, chain, started = entry
        if vring.ring is None or vring.error:
            return
        self.pump_events()
        try:
            used = vring.ring.push(chain, answer, used)
            if self._recorder is not None:
                self._recorder.command(chain, answer, used, started, self._now())
        except ChainRefusedError as problem:
            self._refused(vring, problem)
        except RingCorruptError as problem:
            self._corrupt(vring, problem)
            return
        if not self._in_turn:
            self._flush(vring)

    def _fill_events(self, vring: Vring) -> None:
        device, ring = self._device, vring.ring
        left = CHAINS_PER_TURN
        try:
            if ring is not None:
                ring.all_offered()
            while ring is not None and self._has_events():
                if not left:
                    self._again()
                    return
                left -= 1
                chain = self._pop(vring, ring)
                if chain is None:
                    # The driver has to say when it offers buffers, and only now.
                    if ring.has_work() or ring.enable_kicks():
                        continue
                    return
                try:
                    event = device.take_event(chain[2])
                except Exception as error:  # noqa: BLE001  (a bug must not stop the commands)
                    self._observer(DeviceFailed(b"", error))
                    ring.unpop()
                    return
                if event is None and not self._has_events():
                    ring.unpop()
                    return
                self._counters.events += bool(event)
                self._push_event(vring, ring, chain, event or b"")
        except RingCorruptError as problem:
            self._corrupt(vring, problem)

    def _push_event(self, vring: Vring, ring: DeviceRing, chain: Chain, event: bytes) -> None:
        started = self._now()
        try:
            used = ring.push(chain, event)
            if not event:
                raise ChainRefusedError(f"an event buffer of {chain[2]} bytes went back empty")
        except ChainRefusedError as problem:
            self._refused(vring, problem)
            return
        if self._recorder is not None:
            self._recorder.event(chain, event, used, started)

    def _has_events(self) -> bool:
        return self._device.events_waiting

    def _flush_all(self) -> None:
        # Events first: one that belongs before a response must be seen before it.
        if self._events is not None and self._events.live:
            self._flush(self._events)
        if self._commands.live:
            self._flush(self._commands)

    def _flush(self, vring: Vring) -> None:
        ring = vring.ring
        if ring is None or vring.error:
            return
        try:
            wanted = ring.flush()
        except RingCorruptError as problem:
            self._corrupt(vring, problem)
            return
        if wanted and vring.call >= 0:
            self._counters.calls += 1
            try:  # noqa: SIM105  (suppress costs 0.3 us on each call)
                os.write(vring.call, _ONE)
            except BlockingIOError:
                pass

    def _refused(self, vring: Vring, problem: ChainRefusedError) -> None:
        self._counters.chains_refused += 1
        self._observer(ChainRefused(vring.index, str(problem)))

    def _corrupt(self, vring: Vring, problem: RingCorruptError) -> None:
        vring.corrupt(str(problem))
        self._counters.ring_errors += 1
        self._idle(vring.index)
        self._observer(RingError(vring.index, str(problem)))
