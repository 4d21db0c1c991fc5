"""The vhost-user protocol of a front-end that behaves (docs/interop/vhost-user.rst)."""

from collections.abc import Callable
from itertools import permutations

import pytest

from tests.vhost.rig import USER_BASE, MakeRam
from tests.vhost.talk import Talk
from vmedia_bench.vhost.observer import MessageReceived, Negotiated, RingError
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.wire.vhost_user import (
    CONFIG,
    SHMEM_CONFIG,
    SINGLE_REGION,
    U64,
    VRING_NO_FD,
    VRING_STATE,
    Request,
)


def u64(payload: bytes) -> int:
    value: int = U64.unpack(payload)[0]
    return value


def test_what_is_offered(talk: Talk) -> None:
    assert u64(talk.ask(Request.GET_FEATURES)) == 1 << 32 | 1 << 30 | 1 << 29 | 1 << 28
    assert u64(talk.ask(Request.GET_PROTOCOL_FEATURES)) == 0x400629
    assert u64(talk.ask(Request.GET_QUEUE_NUM)) == 2


@pytest.mark.parametrize("bit", [20, 21, 22])
def test_the_bit_of_shmem_is_a_setting(make_ram: MakeRam, bit: int) -> None:
    talk = Talk(make_ram(), Settings(shmem_bit=bit))
    assert u64(talk.ask(Request.GET_PROTOCOL_FEATURES)) == 0x629 | 1 << bit


def test_names_of_what_was_negotiated(talk: Talk) -> None:
    talk.negotiate(features=1 << 32 | 1 << 30, protocol=0x400008)
    assert [str(one) for one in talk.seen if isinstance(one, Negotiated)] == [
        "protocol: REPLY_ACK SHMEM",
        "features: PROTOCOL_FEATURES VERSION_1; protocol: REPLY_ACK SHMEM",
    ]
    assert talk.seen[-1] == Negotiated(("PROTOCOL_FEATURES", "VERSION_1"), ("REPLY_ACK", "SHMEM"))


def test_a_reply_is_sent_only_when_asked_and_negotiated(talk: Talk) -> None:
    assert talk.send(Request.SET_OWNER, ack=True) is None
    talk.negotiate()
    assert talk.send(Request.SET_OWNER) is None
    assert talk.accepts(Request.SET_OWNER)


def test_shmem_config_is_always_all_of_it(talk: Talk) -> None:
    talk.device.sizes = (1 << 30, 0, 4096)
    reply = talk.ask(Request.GET_SHMEM_CONFIG)
    assert len(reply) == 2056
    count, _padding, *sizes = SHMEM_CONFIG.unpack(reply)
    assert (count, sizes[:4]) == (2, [1 << 30, 0, 4096, 0])


@pytest.mark.parametrize(("offset", "size"), [(0, 40), (8, 4), (39, 1), (0, 0), (0, 256)])
def test_config_is_read_and_zero_beyond_its_end(talk: Talk, offset: int, size: int) -> None:
    reply = talk.ask(Request.GET_CONFIG, CONFIG.pack(offset, size, 0) + bytes(size))
    assert CONFIG.unpack_from(reply) == (offset, size, 0)
    assert reply[12:] == (talk.device.config + bytes(216))[offset : offset + size]


def test_config_beyond_what_a_message_holds_fails_with_an_empty_reply(talk: Talk) -> None:
    assert talk.ask(Request.GET_CONFIG, CONFIG.pack(200, 100, 0) + bytes(100)) == b""


def test_a_guest_that_writes_the_config_is_no_reason_to_part(talk: Talk) -> None:
    talk.negotiate()
    payload = CONFIG.pack(4, 2, 0) + b"ab"
    assert talk.send(Request.SET_CONFIG, payload) is None
    assert not talk.accepts(Request.SET_CONFIG, payload)
    assert talk.accepts(Request.SET_CONFIG, CONFIG.pack(0, 2, 0) + b"ab")
    assert talk.counters.messages_refused == 2
    assert "config 4 6162" in talk.device.calls


Steps = dict[str, Callable[[], object]]
STEPS = ["features", "protocol", "owner", "memory", "rings"]


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids=",".join)
def test_the_order_of_the_handshake_does_not_matter(talk: Talk, order: tuple[str, ...]) -> None:
    """QEMU asks before SET_OWNER, libkrun shares memory before SET_FEATURES."""
    steps: Steps = {
        "features": lambda: talk.send(Request.SET_FEATURES, U64.pack(0x1_7000_0000)),
        "protocol": lambda: talk.send(Request.SET_PROTOCOL_FEATURES, U64.pack(0x400629)),
        "owner": lambda: talk.send(Request.SET_OWNER),
        "memory": talk.share_memory,
        "rings": talk.start,
    }
    for step in order:
        steps[step]()
    assert all(vring.live for vring in talk.vrings)
    assert talk.backend.is_running
    assert talk.device.calls == ["attach"]
    assert "running" in talk.host.calls


def test_with_protocol_features_a_ring_waits_to_be_enabled(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.set_ring(0)
    talk.set_eventfd(Request.SET_VRING_KICK, 0)
    assert not talk.vrings[0].live
    assert "live 0" not in talk.host.calls
    talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(0, 1))
    assert talk.host.calls[-1] == "live 0"


def test_without_protocol_features_rings_are_enabled(talk: Talk) -> None:
    talk.send(Request.SET_FEATURES, U64.pack(1 << 32))
    talk.share_memory()
    talk.set_ring(0)
    talk.set_eventfd(Request.SET_VRING_KICK, 0)
    assert talk.vrings[0].live


def test_a_ring_without_a_kick_eventfd_starts_too(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.set_ring(1)
    talk.send(Request.SET_VRING_KICK, U64.pack(1 | VRING_NO_FD))
    talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(1, 1))
    assert talk.vrings[1].live


def test_the_device_runs_once_every_started_ring_is_enabled(talk: Talk) -> None:
    """A request of ours that comes earlier or later kills QEMU."""
    talk.negotiate()
    talk.share_memory()
    for index in (0, 1):
        talk.set_ring(index)
        talk.set_eventfd(Request.SET_VRING_KICK, index)
    talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(0, 1))
    seen = [talk.backend.is_running]
    for index, enable in ((1, 1), (0, 0)):
        talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(index, enable))
        seen.append(talk.backend.is_running)
    assert seen == [False, True, False]


def test_a_ring_that_starts_beside_a_running_one_does_not_stop_the_device(talk: Talk) -> None:
    """As crosvm has it: ring after ring, unacknowledged; a mapping may be under way."""
    talk.negotiate()
    talk.share_memory()
    talk.set_ring(0)
    talk.kick_and_enable(0)
    talk.set_ring(1)
    talk.set_eventfd(Request.SET_VRING_KICK, 1)
    assert talk.backend.is_running
    talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(1, 1))
    assert "stopped" not in talk.host.calls
    talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(1, 0))
    assert not talk.backend.is_running


def test_one_stopped_ring_stops_the_device(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.ask(Request.GET_VRING_BASE, VRING_STATE.pack(0, 0))
    assert not talk.backend.is_running
    assert talk.host.calls[-3:] == ["stopped", "give up 0", "idle 0"]
    assert talk.device.calls == ["attach", "pause"]


def test_get_vring_base_is_the_free_running_avail_index(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(0, 3)
    assert talk.stop() == [3, 0]


def test_a_restart_at_the_same_base_resumes(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(0, 3)
    bases = talk.stop()
    talk.start((bases[0], bases[1]))
    assert talk.device.calls == ["attach", "pause", "resume"]
    assert talk.backend.is_running
    assert talk.vrings[0].status().last_avail == 3


def test_a_restart_at_zero_is_a_reset(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(0, 3)
    talk.stop()
    talk.start()
    assert talk.device.calls == ["attach", "pause", "reset", "attach"]
    assert "mappings gone" in talk.host.calls


def test_the_event_ring_alone_can_show_a_reset(talk: Talk) -> None:
    """The command ring may have stopped at 0, by having wrapped or never having been used."""
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(1, 3)
    talk.stop()
    for index in (0, 1):
        talk.set_ring(index)
        talk.set_eventfd(Request.SET_VRING_KICK, index)
    for index in (0, 1):
        talk.send(Request.SET_VRING_ENABLE, VRING_STATE.pack(index, 1))
    assert talk.device.calls == ["attach", "pause", "reset", "attach"]


def test_a_new_table_moves_a_running_ring(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(0, 2)
    talk.share_memory(talk.ram.spec(0, 0x40000), talk.ram.spec(0x40000))
    assert talk.vrings[0].live
    talk.pop(0, 1)
    assert talk.vrings[0].status().last_avail == 3


def test_a_ring_waits_for_memory_that_holds_it(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory(talk.ram.spec(0x40000))
    talk.start()
    assert any(isinstance(event, RingError) for event in talk.seen)
    assert talk.backend.is_running
    talk.share_memory()
    assert talk.host.calls[-2:] == ["live 0", "live 1"]


def test_a_ring_that_loses_its_memory_stops_and_goes_on_with_it(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.pop(0, 2)
    talk.share_memory(talk.ram.spec(0x40000))
    assert talk.host.calls[-2:].count("idle 0") == 1
    talk.share_memory()
    assert talk.host.calls[-2:] == ["live 0", "live 1"]
    assert talk.vrings[0].status().last_avail == 2


def test_memory_slots_only_when_they_are_offered(make_ram: MakeRam) -> None:
    plain, slotted = Talk(make_ram()), Talk(make_ram(), Settings(memory_slots=2))
    region = SINGLE_REGION.pack(0, 0, 4096, USER_BASE, 0)
    plain.negotiate()
    assert not plain.accepts(Request.ADD_MEM_REG, region, [plain.ram.fd])
    assert u64(slotted.ask(Request.GET_PROTOCOL_FEATURES)) == 0x408629
    slotted.negotiate(protocol=0x408629)
    assert u64(slotted.ask(Request.GET_MAX_MEM_SLOTS)) == 2
    assert slotted.accepts(Request.ADD_MEM_REG, region, [slotted.ram.fd])
    second = SINGLE_REGION.pack(0, 4096, 4096, USER_BASE + 4096, 4096)
    third = SINGLE_REGION.pack(0, 8192, 4096, USER_BASE + 8192, 8192)
    assert slotted.accepts(Request.ADD_MEM_REG, second, [slotted.ram.fd])
    assert not slotted.accepts(Request.ADD_MEM_REG, third, [slotted.ram.fd])
    assert slotted.accepts(Request.REM_MEM_REG, region)
    assert slotted.accepts(Request.REM_MEM_REG, second, [slotted.ram.fd])
    assert slotted.memory.regions == ()


def test_a_removed_region_stops_the_ring_in_it(make_ram: MakeRam) -> None:
    talk = Talk(make_ram(), Settings(memory_slots=4))
    talk.negotiate(protocol=0x408629)
    spec = talk.ram.spec()
    payload = SINGLE_REGION.pack(0, spec.gpa, spec.size, spec.user_address, spec.file_offset)
    assert talk.accepts(Request.ADD_MEM_REG, payload, [talk.ram.fd])
    talk.start()
    assert talk.vrings[0].live
    assert talk.accepts(Request.REM_MEM_REG, payload)
    assert not talk.vrings[0].live


def test_reset_device_only_when_it_is_offered(make_ram: MakeRam) -> None:
    plain, resetting = Talk(make_ram()), Talk(make_ram(), Settings(reset_device=True))
    plain.negotiate()
    assert not plain.accepts(Request.RESET_DEVICE)
    resetting.negotiate(protocol=0x402629)
    resetting.share_memory()
    resetting.start()
    assert resetting.accepts(Request.RESET_DEVICE)
    assert not any(vring.started or vring.enabled for vring in resetting.vrings)
    assert not resetting.backend.is_running
    resetting.start()
    assert resetting.device.calls == ["attach", "reset", "attach"]


def test_reset_owner_disables_the_rings(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.send(Request.RESET_OWNER)
    assert not any(vring.live for vring in talk.vrings)


def test_every_message_is_shown_to_the_observer(talk: Talk) -> None:
    talk.send(Request.SET_OWNER)
    talk.send(77, b"abc")
    seen = [event for event in talk.seen if isinstance(event, MessageReceived)]
    assert [(event.name, event.payload) for event in seen] == [
        ("SET_OWNER", b""),
        ("request 77", b"abc"),
    ]


def test_a_front_end_that_goes_takes_everything_along(talk: Talk) -> None:
    talk.negotiate()
    talk.share_memory()
    talk.start()
    talk.backend.gone()
    assert talk.device.calls == ["attach", "detach"]
    assert talk.memory.regions == ()
    assert not any(vring.started for vring in talk.vrings)
