"""Whatever a guest sends: only V4l2Error, values in range, and failed sets change nothing."""

from contextlib import suppress
from struct import iter_unpack
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.v4l2.control_guest import GET, SESSION, SET, TRY, ControlGuest, Item, Payload
from vmedia_bench.v4l2.control_ioctls import CONTROL_IOCTLS, handle
from vmedia_bench.v4l2.control_spec import ControlSpec, auto_cluster
from vmedia_bench.v4l2.controls import signed32
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlClass, CtrlFlag, CtrlType, CtrlWhich

if TYPE_CHECKING:
    from vmedia_bench.v4l2.source import ControlValue

PRIVATE = 0x00981900
TEXT = PRIVATE + 1
BIG = PRIVATE + 2
MATRIX = PRIVATE + 3
SPECS = (
    ControlSpec.integer(Cid.BRIGHTNESS, -10, 246, 5, 120),
    ControlSpec.integer(Cid.EXPOSURE_ABSOLUTE, -(1 << 31), (1 << 31) - 1, 3, -(1 << 31)),
    ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, ["Disabled", None, "60 Hz"], 2),
    ControlSpec.integer_menu(Cid.LINK_FREQ, [5, 6]),
    ControlSpec.button(Cid.DO_WHITE_BALANCE),
    ControlSpec.boolean(Cid.PRIVACY, flags=CtrlFlag.READ_ONLY),
    ControlSpec.bitmask(PRIVATE, 0xF0000001, name="Mask"),
    ControlSpec.string(TEXT, 2, 8, 2, name="Label"),
    ControlSpec.integer64(BIG, -(1 << 63), (1 << 63) - 1, 7, -(1 << 63), name="Big"),
    ControlSpec.array(MATRIX, CtrlType.U16, (3,), minimum=1, maximum=99, default=7, name="M"),
    *auto_cluster(
        ControlSpec.boolean(Cid.AUTOGAIN, True),
        ControlSpec.integer(Cid.GAIN, 0, 100, default=50, volatile=True),
    ),
)
BY_CID = {spec.cid: spec for spec in SPECS}

cids = st.one_of(
    st.sampled_from(sorted(BY_CID)), st.integers(0, 0xFFFFFFFF), st.just(int(Cid.USER_CLASS))
)
numbers = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-3, 130))
payloads = st.one_of(
    st.none(),
    st.builds(Payload, st.binary(max_size=16), broken=st.just(False)),
    st.builds(Payload, st.just(bytes(9)), broken=st.booleans()),
)
items = st.builds(
    Item, cids, numbers, payloads, st.one_of(st.none(), st.integers(0, 20), st.just(0xFFFFFFFF))
)
known_items = st.builds(
    Item, st.sampled_from(sorted(BY_CID)), st.integers(-3, 130), st.builds(Payload, st.binary())
)
whiches = st.one_of(
    st.just(0),
    st.sampled_from([int(which) for which in CtrlWhich] + [int(CtrlClass.USER)]),
    st.integers(0, 0xFFFFFFFF),
)


def fresh_guest() -> ControlGuest:
    guest = ControlGuest(*SPECS)
    guest.readings[Cid.GAIN] = 33
    return guest


def is_legal(spec: ControlSpec, value: "ControlValue | None") -> bool:
    if value is None:
        return spec.type == CtrlType.BUTTON
    if isinstance(value, str):
        length = len(value.encode())
        return spec.minimum <= length <= spec.maximum or "\ufffd" in value
    if isinstance(value, bytes):
        return all(spec.minimum <= number <= spec.maximum for (number,) in iter_unpack("<H", value))
    if spec.items:
        return spec.items[value] is not None
    if spec.type == CtrlType.BITMASK:
        return value & ~spec.maximum == 0
    in_range = spec.minimum <= value <= spec.maximum
    return in_range and (value - spec.minimum) % spec.step == 0


@given(st.lists(st.one_of(items, known_items), max_size=6), whiches)
def test_a_set_that_fails_validation_changes_nothing(batch: list[Item], which: int) -> None:
    guest = fresh_guest()
    before = guest.values()
    answer = guest.batch(SET, *batch, which=which)
    assert answer.error_idx == len(batch)
    if answer.errno:
        assert guest.values() == before
        assert (guest.applied, guest.events) == ([], [])
        assert all(item.payload is None or item.payload.writes == 0 for item in batch)


@given(st.lists(st.one_of(items, known_items), max_size=6), whiches)
def test_values_are_always_legal(batch: list[Item], which: int) -> None:
    guest = fresh_guest()
    for item in batch:
        guest.batch(SET, item, which=which)
    assert all(
        is_legal(BY_CID[cid], value) for cid, value in guest.values().items() if cid in BY_CID
    )


@given(st.sampled_from([GET, TRY]), st.lists(items, max_size=6), whiches)
def test_reading_and_trying_never_change_a_value(
    number: int, batch: list[Item], which: int
) -> None:
    guest = fresh_guest()
    before = guest.values()
    answer = guest.batch(number, *batch, which=which)
    assert guest.values() == before
    assert (guest.applied, guest.events) == ([], [])
    assert 0 <= answer.error_idx <= len(batch)


@given(st.lists(known_items, max_size=4), st.sampled_from([GET, SET, TRY]))
def test_what_a_batch_gives_back_is_legal_and_its_pointers_are_its_own(
    batch: list[Item], number: int
) -> None:
    guest = fresh_guest()
    answer = guest.batch(number, *batch)
    if answer.errno:
        return
    for item, value in zip(batch, answer.values, strict=True):
        spec = BY_CID[item.cid]
        if spec.is_pointer:
            assert value == item.value
        elif spec.type == CtrlType.BITMASK:
            assert is_legal(spec, value & 0xFFFFFFFF)
        elif spec.type != CtrlType.BUTTON:
            assert is_legal(spec, value if spec.type == CtrlType.INTEGER64 else signed32(value))


@given(
    st.sampled_from(sorted(CONTROL_IOCTLS)),
    st.binary(max_size=300),
    st.lists(payloads, max_size=3),
)
def test_any_bytes_are_answered_or_refused(
    number: int, arg: bytes, user: list[Payload | None]
) -> None:
    guest = fresh_guest()
    changed = bytearray(arg)
    with suppress(V4l2Error):
        handle(guest.handler, number, SESSION, changed, user)
    assert len(changed) == len(arg)


@given(cids, st.integers(-(1 << 31), (1 << 31) - 1))
def test_an_old_style_set_gives_back_what_a_get_reads(cid: int, value: int) -> None:
    guest = fresh_guest()
    try:
        given_back = guest.set(cid, value)
        read = guest.get(cid)
    except V4l2Error:
        return
    assert given_back == read or cid & 0x0FFFFFFF == Cid.GAIN
