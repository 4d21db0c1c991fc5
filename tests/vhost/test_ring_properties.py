"""Both sides of a ring against a model, and the device's side against random memory."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vhost.driver_ring import DriverRing, Part
from tests.vhost.rig import Ram, RawRing
from vmedia_bench.vhost.errors import ChainRefusedError, RingCorruptError
from vmedia_bench.vhost.layout import DESC, U16, RingLayout
from vmedia_bench.vhost.memory import GuestMemory
from vmedia_bench.vhost.ring import Chain, DeviceRing

SIZE = 8
PAYLOADS = 0x10000
SLOT = 0x400
CHAIN = st.tuples(
    st.lists(st.integers(0, 40), min_size=0, max_size=3),
    st.lists(st.integers(0, 40), min_size=0, max_size=3),
).filter(lambda chain: sum(chain[0]) + sum(chain[1]) > 0)
STEP = st.one_of(
    st.tuples(st.just("offer"), CHAIN),
    st.tuples(st.just("pop"), st.none()),
    st.tuples(st.just("push"), st.binary(max_size=100)),
    st.tuples(st.just("push later one"), st.binary(max_size=100)),
    st.tuples(st.just("flush"), st.none()),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("device sleeps"), st.none()),
    st.tuples(st.just("device wakes"), st.none()),
    st.tuples(st.just("driver sleeps"), st.none()),
)


class Model:
    """A driver and a device over one ring, and what each must see of the other."""

    def __init__(self, ram: Ram, *, indirect: bool, event_idx: bool, base: int) -> None:
        self.ram = ram
        layout = RingLayout.at(0x1000, SIZE)
        for part in (layout.avail, layout.used):
            U16.pack_into(ram.view, part + 2, base)
        tables = 0x8000 if indirect else None
        self.driver = DriverRing(ram.view, layout, event_idx=event_idx, tables=tables)
        self.device = DeviceRing(
            ram.memory(),
            SIZE,
            (layout.desc, layout.avail, layout.used),
            base=base,
            event_idx=event_idx,
            indirect=indirect,
        )
        self.offered: deque[tuple[int, bytes, list[Part]]] = deque()
        self.parts: dict[int, list[Part]] = {}
        self.popped: deque[Chain] = deque()
        self.pushed: deque[tuple[int, bytes]] = deque()
        self.shown: deque[tuple[int, bytes]] = deque()
        self.device_sleeps = self.driver_sleeps = False
        self.offers = 0

    def offer(self, chain: tuple[list[int], list[int]]) -> None:
        readable, writable = chain
        needed = 1 if self.driver._tables is not None else len(readable) + len(writable)
        if needed > self.driver.free:
            return
        at = PAYLOADS + SLOT * (self.offers % 64)
        request = bytes((self.offers + place) % 256 for place in range(sum(readable)))
        self.ram.view[at : at + len(request)] = request
        parts: list[Part] = []
        for length, write in [(n, False) for n in readable] + [(n, True) for n in writable]:
            parts.append((at, length, write))
            at += length
        head = self.driver.add(parts)
        self.offers += 1
        self.offered.append((head, request, parts))
        self.parts[head] = parts
        if self.driver.needs_kick():
            self.device_sleeps = False
        assert not self.device_sleeps, "a kick was lost"

    def pop(self, _nothing: None) -> None:
        chain = self.device.pop()
        if not self.offered:
            assert chain is None
            return
        head, request, parts = self.offered.popleft()
        assert chain is not None
        assert chain[:3] == (head, request, sum(length for _at, length, write in parts if write))
        self.popped.append(chain)

    def push(self, response: bytes) -> None:
        if self.popped:
            self._push(self.popped.popleft(), response)

    def push_later_one(self, response: bytes) -> None:
        if self.popped:
            self._push(self.popped.pop(), response)

    def _push(self, chain: Chain, response: bytes) -> None:
        assert self.device.push(chain, response) == min(len(response), chain[2])
        self.pushed.append((chain[0], response[: chain[2]]))

    def flush(self, _nothing: None) -> None:
        called = self.device.flush()
        if self.pushed:
            assert called or not self.driver_sleeps, "a call was lost"
            self.driver_sleeps = False
        self.shown += self.pushed
        self.pushed.clear()

    def take(self, _nothing: None) -> None:
        used = self.driver.take_used()
        if not self.shown:
            assert used is None
            return
        head, response = self.shown.popleft()
        assert used == (head, len(response))
        writable = [part for part in self.parts.pop(head) if part[2]]
        content = b"".join(bytes(self.ram.view[at : at + n]) for at, n, _write in writable)
        assert content[: len(response)] == response

    def device_goes_to_sleep(self, _nothing: None) -> None:
        self.device_sleeps = not self.device.enable_kicks()
        assert self.device_sleeps == (not self.offered)

    def device_wakes(self, _nothing: None) -> None:
        self.device_sleeps = False
        self.device.suppress_kicks()

    def driver_goes_to_sleep(self, _nothing: None) -> None:
        self.driver_sleeps = not self.driver.enable_calls()
        assert self.driver_sleeps == (not self.shown)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(STEP, max_size=60),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 7, 32760, 65500, 65530, 65535]),
)
def test_driver_and_device_agree(
    steps: list[tuple[str, object]], indirect: bool, event_idx: bool, seal: bool, base: int
) -> None:
    ram = Ram(1 << 17, seal=seal)
    model = Model(ram, indirect=indirect, event_idx=event_idx, base=base)
    actions: dict[str, object] = {
        "offer": model.offer,
        "pop": model.pop,
        "push": model.push,
        "push later one": model.push_later_one,
        "flush": model.flush,
        "take": model.take,
        "device sleeps": model.device_goes_to_sleep,
        "device wakes": model.device_wakes,
        "driver sleeps": model.driver_goes_to_sleep,
    }
    for name, argument in steps:
        action = actions[name]
        assert callable(action)
        action(argument)
    model.device._memory.close()
    ram.close()


def test_indices_wrap_many_times() -> None:
    ram = Ram(1 << 17)
    model = Model(ram, indirect=False, event_idx=True, base=65000)
    for number in range(70000):
        model.offer(([4], [4]))
        model.pop(None)
        model.push(b"%04d" % (number % 10000))
        model.flush(None)
        model.take(None)
    assert model.device.last_avail == (65000 + 70000) % 65536
    ram.close()


START, END = 0x4000, 0xC000
"""The one region of the next tests; what lies around it in the file must never change."""
ADDRESS = st.one_of(
    st.integers(START, END),
    st.sampled_from([0, START - 1, START, END - 1, END, 1 << 63, (1 << 64) - 1, 0x6000]),
)
LENGTH = st.one_of(
    st.integers(0, 64), st.sampled_from([0, 16, 32, 1 << 15, 1 << 31, (1 << 32) - 1])
)
DESCRIPTOR = st.builds(
    DESC.pack, ADDRESS, LENGTH, st.integers(0, 9), st.integers(0, SIZE + 1)
) | st.binary(min_size=16, max_size=16)
TABLE = st.lists(DESCRIPTOR, min_size=SIZE, max_size=SIZE)


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(TABLE, TABLE),
    st.lists(st.integers(0, SIZE), min_size=SIZE, max_size=SIZE),
    st.integers(0, SIZE + 1),
    st.booleans(),
    st.booleans(),
)
def test_random_descriptors_raise_the_two_errors_and_touch_nothing_outside(
    tables: tuple[list[bytes], list[bytes]],
    heads: list[int],
    avail_idx: int,
    indirect: bool,
    seal: bool,
) -> None:
    ram = Ram(0x10000, seal=seal)
    ram.view[:] = b"\xa5" * len(ram.view)
    layout = RingLayout.at(START, SIZE)
    ram.view[START:END] = bytes(END - START)
    ram.view[layout.desc : layout.desc + 16 * SIZE] = b"".join(tables[0])
    ram.view[0x6000 : 0x6000 + 16 * SIZE] = b"".join(tables[1])
    U16.pack_into(ram.view, layout.avail + 2, avail_idx)
    for place, head in enumerate(heads):
        U16.pack_into(ram.view, layout.avail + 4 + 2 * place, head)
    memory = GuestMemory()
    memory.replace([ram.spec(START, END - START)], [ram.fd])
    device = DeviceRing(memory, SIZE, (layout.desc, layout.avail, layout.used), indirect=indirect)
    try:
        for _ in range(SIZE + 2):
            try:
                chain = device.pop()
                if chain is None:
                    break
                assert device.push(chain, b"\x5a" * 0x9000) <= 0x9000
            except ChainRefusedError:
                pass
        device.flush()
    except RingCorruptError:
        pass
    assert bytes(ram.view[:START]) == b"\xa5" * START
    assert bytes(ram.view[END:]) == b"\xa5" * (0x10000 - END)
    memory.close()
    ram.close()


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=512, max_size=512), st.integers(0, 17))
def test_a_ring_of_random_bytes(content: bytes, avail_idx: int) -> None:
    ram = Ram(0x10000)
    raw = RawRing(ram, 16)
    ram.view[0x1000 : 0x1000 + 512] = content
    raw.set_avail_idx(avail_idx)
    try:
        for _ in range(20):
            try:
                if raw.ring.pop() is None:
                    break
            except ChainRefusedError:
                pass
    except RingCorruptError:
        pass
    raw.memory.close()
    ram.close()


EDGES = st.sampled_from([0, 1, 0x8000, 0x1_0000, 0xFFFF_FFFF_FFFF_FFF0])
COMMAND = st.lists(
    st.tuples(
        st.one_of(st.integers(0x8000, 0x8100), EDGES),
        st.sampled_from([0, 1, 16, 208, 0x7000, 5 << 20, 0xFFFF_FFFF]),
        st.sampled_from([0, 1, 1, 1, 2, 3, 3, 4, 5, 0x8001]),
        st.sampled_from([-1, 0, 1, 1, 1, 1, 2]),
    ),
    min_size=4,
    max_size=4,
)


def outcome(ring: DeviceRing) -> Chain | str | None:
    try:
        return ring.pop()
    except (ChainRefusedError, RingCorruptError) as problem:
        return f"{type(problem).__name__}: {problem}"


@settings(max_examples=400, deadline=None)
@given(st.integers(0, SIZE - 1), COMMAND, st.booleans())
def test_the_short_way_of_four_descriptors_gives_what_the_long_way_gives(
    head: int, command: list[tuple[int, int, int, int]], usual_flags: bool
) -> None:
    """A ring that is not mapped never takes the short way: it is the one to compare with."""
    outcomes = []
    for seal in (True, False):
        ram = Ram(seal=seal)
        try:
            ram.view[0x8000:0x8200] = bytes(range(256)) * 2
            layout = RingLayout.at(0x1000, SIZE)
            for place, (gpa, length, some_flags, step) in enumerate(command):
                index = (head + place) % SIZE
                flags = (1, 1, 3, 2)[place] if usual_flags else some_flags
                following = (index + step) % SIZE
                DESC.pack_into(ram.view, layout.desc + 16 * index, gpa, length, flags, following)
            U16.pack_into(ram.view, layout.avail + 4, head)
            U16.pack_into(ram.view, layout.avail + 2, 1)
            addresses = (layout.desc, layout.avail, layout.used)
            outcomes.append(outcome(DeviceRing(ram.memory(), SIZE, addresses, indirect=True)))
        finally:
            ram.close()
    assert outcomes[0] == outcomes[1]
