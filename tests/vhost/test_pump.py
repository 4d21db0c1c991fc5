"""Between rings and device: order, budget, pending answers, notifications."""

import os
from collections.abc import Iterator

import pytest

from tests.vhost.driver_ring import DriverRing
from tests.vhost.rig import BUFFERS, USER_BASE, EchoDevice, Later, Ram
from vmedia_bench.vhost.layout import U16, RingLayout
from vmedia_bench.vhost.observer import ChainRefused, Counters, DeviceFailed, Event, RingError
from vmedia_bench.vhost.pump import CHAINS_PER_TURN, SHORTEST_REST, Pump, SpinWindow
from vmedia_bench.vhost.ring import Chain, DeviceRing
from vmedia_bench.vhost.vring import Vring

IN = BUFFERS + 0x1000


class Rig:
    """A pump over two rings of 256, with a clock that stands still unless the test moves it."""

    def __init__(self, ram: Ram, *, poll_ns: int = 0) -> None:
        self.ram = ram
        self.device = EchoDevice()
        self.memory = ram.memory()
        self.vrings = [Vring(index, enabled=True) for index in (0, 1)]
        self.drivers: list[DriverRing] = []
        self.seen: list[Event] = []
        self.idle: list[int] = []
        self.again = 0
        self.counters = Counters()
        self.time = 0
        self.step = 0
        for index, vring in enumerate(self.vrings):
            layout = RingLayout.at(0x1000 + 0x10000 * index, 256)
            self.drivers.append(DriverRing(ram.view, layout, event_idx=True))
            vring.set_size(256, 256)
            vring.set_addresses(
                USER_BASE + layout.desc, USER_BASE + layout.avail, USER_BASE + layout.used
            )
            vring.started = True
            vring.call = os.eventfd(0, os.EFD_NONBLOCK)
            vring.err = os.eventfd(0, os.EFD_NONBLOCK)
            vring.start(self.memory, event_idx=True, indirect=True)
        self.pump = Pump(
            self.device,
            self.vrings,
            self.seen.append,
            self.counters,
            idle=self.idle.append,
            again=self.want_again,
            poll_ns=poll_ns,
            now=self.now,
        )

    def now(self) -> int:
        self.time += self.step
        return self.time

    def want_again(self) -> None:
        self.again += 1

    def command(self, request: bytes, room: int = 64) -> int:
        at = BUFFERS + 16 * (self.drivers[0].in_flight % 16)
        self.ram.view[at : at + len(request)] = request
        return self.drivers[0].add([(at, len(request), False), (IN, room, True)])

    def event_buffer(self, length: int = 64) -> int:
        return self.drivers[1].add([(IN, length, True)])

    def calls(self, index: int = 0) -> int:
        try:
            return os.eventfd_read(self.vrings[index].call)
        except BlockingIOError:
            return 0


@pytest.fixture
def rig(ram: Ram) -> Iterator[Rig]:
    rig = Rig(ram)
    yield rig
    for vring in rig.vrings:
        vring.close()


def test_commands_in_order_and_one_call_for_all(rig: Rig) -> None:
    heads = [rig.command(b"%d" % number) for number in range(5)]
    assert not rig.pump.turn()
    assert rig.device.requests == [b"0", b"1", b"2", b"3", b"4"]
    assert [rig.drivers[0].take_used() for _ in heads] == [(head, 1) for head in heads]
    assert (rig.calls(), rig.counters.calls) == (1, 1)


def test_a_turn_has_a_budget(rig: Rig) -> None:
    for _ in range(CHAINS_PER_TURN + 1):
        rig.command(b"x")
    assert rig.pump.turn()
    assert len(rig.device.requests) == CHAINS_PER_TURN
    assert not rig.pump.turn()
    assert len(rig.device.requests) == CHAINS_PER_TURN + 1


def test_a_turn_has_a_time(rig: Rig) -> None:
    rig.step = 1_000_000
    for _ in range(8):
        rig.command(b"x")
    assert rig.pump.turn()
    assert 0 < len(rig.device.requests) < 8
    assert rig.drivers[0].take_used() is not None


def test_a_turn_ends_when_the_device_wants_the_loop(rig: Rig) -> None:
    rig.step = 100_000
    rig.device.due_ns = 700_000
    for _ in range(16):
        rig.command(b"x")
    assert rig.pump.turn()
    assert len(rig.device.requests) == 6


def test_a_device_that_always_wants_the_loop_still_serves_the_guest(rig: Rig) -> None:
    rig.step = 100_000
    rig.device.due_ns = 0
    for _ in range(8):
        rig.command(b"x")
    while rig.pump.turn():
        pass
    assert len(rig.device.requests) == 8


def test_events_go_out_before_the_response(rig: Rig) -> None:
    """SEND_INITIAL: the event precedes the answer to SUBSCRIBE_EVENT."""
    rig.event_buffer()
    shown: list[int] = []

    def subscribe(_request: bytes) -> None:
        rig.device.events.append(b"an event")

    rig.device.on_execute = subscribe
    later = rig.device.later = Later()
    rig.command(b"sub")
    rig.pump.turn()
    rig.device.on_execute = None
    assert rig.drivers[0].take_used() is None

    def used(index: int) -> int:
        layout = rig.drivers[index].layout
        count: int = U16.unpack_from(rig.ram.view, layout.used + 2)[0]
        return count

    later.then(lambda _answer, _used=None: shown.extend([used(1), used(0)]))
    later.settle(b"done")
    assert shown == [1, 1]
    assert rig.drivers[1].take_used() == (0, 8)


def test_without_event_buffers_commands_go_on(rig: Rig) -> None:
    rig.device.events += [b"event 00", b"event 01"]
    rig.command(b"x")
    rig.pump.turn()
    assert rig.drivers[0].take_used() is not None
    assert rig.device.events == [b"event 00", b"event 01"]
    rig.event_buffer()
    assert rig.drivers[1].needs_kick()
    rig.pump.pump_events()
    assert rig.device.events == [b"event 01"]
    assert rig.calls(1) == 1


def test_kicks_of_the_event_ring_are_wanted_only_when_buffers_are_missing(rig: Rig) -> None:
    for number in range(4):
        rig.event_buffer()
        assert rig.drivers[1].needs_kick() == (number == 0)
    rig.device.events = [b"event 0%d" % number for number in range(5)]
    rig.pump.pump_events()
    rig.event_buffer()
    assert rig.drivers[1].needs_kick()


def test_a_small_event_buffer_goes_back_empty(rig: Rig) -> None:
    rig.device.events.append(b"event 00")
    small, good = rig.event_buffer(4), rig.event_buffer(8)
    rig.pump.pump_events()
    assert rig.drivers[1].take_used() == (small, 0)
    assert rig.drivers[1].take_used() == (good, 8)


def test_an_event_that_does_not_fit_sends_the_buffer_back_empty(rig: Rig) -> None:
    rig.device.events.append(bytes(100))
    small, good = rig.event_buffer(99), rig.event_buffer(100)
    rig.pump.pump_events()
    assert rig.drivers[1].take_used() == (small, 0)
    assert rig.drivers[1].take_used() == (good, 100)


def test_a_buffer_that_goes_back_empty_is_told_with_its_size_and_no_event(rig: Rig) -> None:
    notes = recording(rig)
    rig.device.events.append(b"event 00")
    rig.event_buffer(4)
    rig.pump.pump_events()
    assert rig.seen == [ChainRefused(1, "an event buffer of 4 bytes went back empty")]
    assert notes.events == []


def test_an_endless_supply_of_events_is_cut_into_turns(rig: Rig) -> None:
    rig.device.events = [b"event 00"] * 100
    for _ in range(100):
        rig.event_buffer()
    rig.pump.pump_events()
    assert (rig.counters.events, rig.again) == (CHAINS_PER_TURN, 1)
    rig.pump.pump_events()
    assert (rig.counters.events, rig.again) == (100, 1)


def test_a_pending_answer_comes_later_and_others_overtake_it(rig: Rig) -> None:
    later = rig.device.later = Later()
    first = rig.command(b"slow")
    rig.pump.turn()
    rig.device.later = None
    second = rig.command(b"fast")
    rig.pump.turn()
    assert rig.drivers[0].take_used() == (second, 4)
    rig.calls()
    later.settle(b"answer")
    assert rig.drivers[0].take_used() == (first, 6)


def test_a_pending_answer_of_a_stopped_ring_is_dropped(rig: Rig) -> None:
    """The chain went back when the ring stopped, so that the driver does not lose it."""
    later = rig.device.later = Later()
    head = rig.command(b"slow")
    rig.pump.turn()
    rig.pump.give_up(rig.vrings[0])
    assert rig.drivers[0].take_used() == (head, 0)
    rig.vrings[0].stop()
    later.settle(b"answer")
    assert rig.drivers[0].take_used() is None


def test_a_lost_answer_keeps_its_chain_when_the_ring_stops(rig: Rig) -> None:
    later = rig.device.later = Later()
    later.lost = True
    rig.command(b"lost")
    rig.pump.turn()
    rig.pump.give_up(rig.vrings[0])
    assert rig.drivers[0].take_used() is None
    assert rig.pump.in_flight(0) == 0


def test_a_held_eventq_does_not_hold_the_commands(rig: Rig) -> None:
    rig.pump.hold(1)
    head = rig.command(b"x")
    assert not rig.pump.turn()
    assert rig.drivers[0].take_used() == (head, 1)


def test_a_device_that_raises_does_not_keep_the_chain(rig: Rig) -> None:
    rig.device.raises = KeyError("a bug")
    head = rig.command(b"x")
    rig.pump.turn()
    assert rig.drivers[0].take_used() == (head, 0)
    assert isinstance(rig.seen[0], DeviceFailed)


def test_a_device_that_raises_over_an_event_does_not_stop_the_commands(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_room: int) -> bytes:
        raise KeyError("a bug")

    monkeypatch.setattr(rig.device, "take_event", fail)
    rig.device.events.append(b"event 00")
    rig.event_buffer()
    head = rig.command(b"x")
    assert not rig.pump.turn()
    assert rig.drivers[0].take_used() == (head, 1)
    assert rig.drivers[1].take_used() is None
    assert isinstance(rig.seen[0], DeviceFailed)


def test_a_refused_chain_is_recorded_and_the_next_served(rig: Rig) -> None:
    bad = rig.drivers[0].add([(1 << 40, 4, False)])
    good = rig.command(b"x")
    assert not rig.pump.turn()
    assert rig.drivers[0].take_used() == (bad, 0)
    assert rig.drivers[0].take_used() == (good, 1)
    assert isinstance(rig.seen[0], ChainRefused)
    assert (rig.counters.chains_refused, rig.counters.ring_errors) == (1, 0)


def test_a_corrupt_ring_stops_signals_and_leaves_the_other_alone(rig: Rig) -> None:
    layout = rig.drivers[0].layout
    U16.pack_into(rig.ram.view, layout.avail + 2, 300)
    assert not rig.pump.turn()
    assert os.eventfd_read(rig.vrings[0].err) == 1
    assert rig.idle == [0]
    assert isinstance(rig.seen[0], RingError)
    assert not rig.pump.turn()
    rig.device.events.append(b"event 00")
    rig.event_buffer()
    rig.pump.pump_events()
    assert rig.drivers[1].take_used() == (0, 8)


def test_a_corrupt_event_ring_leaves_commands_alone(rig: Rig) -> None:
    U16.pack_into(rig.ram.view, rig.drivers[1].layout.avail + 2, 300)
    rig.device.events.append(b"event 00")
    head = rig.command(b"x")
    rig.pump.turn()
    assert rig.drivers[0].take_used() == (head, 1)
    assert rig.idle == [1]


def test_kicks_are_off_while_it_looks_and_on_when_it_sleeps(rig: Rig) -> None:
    wanted: list[bool] = []

    def more(_request: bytes) -> None:
        if len(wanted) < 3:
            rig.command(b"more")
            wanted.append(rig.drivers[0].needs_kick())

    rig.device.on_execute = more
    rig.command(b"x")
    assert rig.drivers[0].needs_kick()
    assert not rig.pump.turn()
    assert wanted == [False, False, False]
    rig.command(b"y")
    assert rig.drivers[0].needs_kick()


def test_work_that_comes_while_it_spins_needs_no_kick(ram: Ram) -> None:
    rig = Rig(ram, poll_ns=50_000)
    rig.step = 1_000
    ticks = 0

    def now() -> int:
        nonlocal ticks
        ticks += 1
        if ticks == 20:
            rig.command(b"late")
        return rig.now()

    rig.pump._now = now
    rig.command(b"x")
    assert not rig.pump.turn()
    assert rig.device.requests == [b"x", b"late"]
    assert (rig.counters.spin_hits, rig.counters.spin_misses) == (1, 1)


def test_work_that_comes_as_it_falls_asleep_is_seen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver saw that no kick is wanted, just before the device wanted one."""
    enable = DeviceRing.enable_kicks
    late = [b"late"]

    def enable_too_late(ring: DeviceRing) -> bool:
        if late:
            rig.command(late.pop())
        return enable(ring)

    monkeypatch.setattr(DeviceRing, "enable_kicks", enable_too_late)
    rig.command(b"x")
    assert not rig.pump.turn()
    assert rig.device.requests == [b"x", b"late"]


def test_looking_in_vain_is_unlearnt_and_learnt_again() -> None:
    window = SpinWindow(50_000)
    for round_ in range(8):
        window.miss(round_ * 33_000_000)
    assert window.ns == 0
    window.woken(7 * 33_000_000 + 20_000_000)
    assert window.ns == 0
    window.woken(7 * 33_000_000 + 60_000)
    assert window.ns == 50_000, "a busy driver is met awake from then on"


def test_looking_that_never_helps_a_busy_driver_is_given_up_and_tried_again() -> None:
    window = SpinWindow(50_000)
    looked = []
    for _ in range(2000):
        looked.append(window.ns > 0)
        window.miss(0)
        window.woken(10_000)
    assert 0 < sum(looked) < 100, "tried now and then, for a small part of the time"
    assert looked[:16] == [True] * 16
    after = 17 + SHORTEST_REST
    assert looked[16:after] == [False] * (1 + SHORTEST_REST)
    assert looked[after : after + 16] == [True] * 16, "tried as long as the first time"
    while not window.ns:
        window.woken(10_000)
    window.hit()
    window.miss(0)
    window.woken(10_000)
    assert window.ns == 50_000, "one success, and it is worth looking again"


def test_after_events_waits_until_the_driver_offers_all_event_buffers_again(rig: Rig) -> None:
    for _ in range(2):
        rig.event_buffer()
    rig.device.events.append(b"event")
    rig.pump.pump_events()
    done: list[bool] = []
    rig.pump.after_events(lambda: done.append(True))
    assert done == []
    rig.drivers[1].take_used()
    rig.event_buffer()
    assert rig.drivers[1].needs_kick(), "the driver is asked to say so"
    rig.pump.pump_events()
    assert done == [True]


def test_after_events_is_now_when_the_driver_has_them_all_or_offers_none(rig: Rig) -> None:
    done: list[str] = []
    rig.pump.after_events(lambda: done.append("no buffers yet"))
    rig.event_buffer()
    rig.pump.pump_events()
    rig.pump.after_events(lambda: done.append("all offered"))
    assert done == ["no buffers yet", "all offered"]


# What an operator can have


class Notes:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.commands: list[tuple[bytes, bytes, int, int]] = []
        self.events: list[tuple[bytes, int]] = []

    def command(
        self, chain: Chain, answer: bytes, used: int, started_ns: int, ended_ns: int
    ) -> None:
        self.commands.append((chain[1], answer, used, ended_ns - started_ns))

    def event(self, chain: Chain, event: bytes, used: int, started_ns: int) -> None:
        self.events.append((event, used))


def recording(rig: Rig) -> Notes:
    notes = Notes()
    rig.pump = Pump(
        rig.device,
        rig.vrings,
        rig.seen.append,
        rig.counters,
        idle=rig.idle.append,
        again=rig.want_again,
        recorder=notes,
        poll_ns=0,
        now=rig.now,
    )
    return notes


def test_commands_are_recorded_with_their_used_length_and_time(rig: Rig) -> None:
    notes = recording(rig)
    rig.step = 1
    rig.command(b"one", room=2)
    rig.pump.turn()
    ((request, answer, used, took),) = notes.commands
    assert (request, used) == (b"one", 2)
    assert answer.startswith(b"on")
    assert took > 0


def test_a_pending_answer_is_recorded_when_it_is_there(rig: Rig) -> None:
    notes = recording(rig)
    later = Later()
    rig.device.later = later
    rig.command(b"ask")
    rig.pump.turn()
    assert notes.commands == []
    rig.time += 500
    later.settle(b"so")
    assert notes.commands == [(b"ask", b"so", 2, 500)]


def test_events_are_recorded(rig: Rig) -> None:
    notes = recording(rig)
    rig.device.events.append(b"newstext")
    rig.event_buffer()
    rig.pump.pump_events()
    assert notes.events == [(b"newstext", 8)]


def test_an_answer_may_claim_another_used_length(rig: Rig) -> None:
    later = Later()
    rig.device.later = later
    rig.command(b"ask")
    rig.pump.turn()
    later.settle(b"four", 99)
    back = rig.drivers[0].take_used()
    assert back is not None
    assert back[1] == 99


def test_nothing_is_popped_from_a_held_ring_until_it_is_released(rig: Rig) -> None:
    rig.pump.hold(0)
    rig.command(b"one")
    assert not rig.pump.turn()
    assert rig.device.requests == []
    rig.pump.release(0)
    rig.pump.turn()
    assert rig.device.requests == [b"one"]


def test_a_ring_held_by_a_command_stops_behind_that_command(rig: Rig) -> None:

    def stop(request: bytes) -> None:
        if request == b"stop":
            rig.pump.hold(0)

    rig.device.on_execute = stop
    for request in (b"one", b"stop", b"two"):
        rig.command(request)
    rig.pump.turn()
    assert rig.device.requests == [b"one", b"stop"]
    assert rig.drivers[0].take_used()
    assert rig.drivers[0].take_used()
    assert not rig.drivers[0].take_used()


def test_a_held_event_ring_keeps_its_events(rig: Rig) -> None:
    rig.pump.hold(1)
    rig.device.events.append(b"newstext")
    rig.event_buffer()
    rig.pump.pump_events()
    assert rig.device.events_waiting
    rig.pump.release(1)
    rig.pump.pump_events()
    assert not rig.device.events_waiting
