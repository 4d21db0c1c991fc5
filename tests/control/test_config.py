"""config.*: the configuration space, changed under a guest's eyes."""

from typing import Any

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import vmm_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.wire.media import CONFIG


def test_it_is_shown_as_the_guest_reads_it(bench: Bench, client: Client) -> None:
    shown = client.call("config.get")
    with vmm_of(bench) as vmm:
        assert bytes.fromhex(shown["hex"]) == bytes(vmm.config)
    assert shown["card"] == "vmedia-bench pattern"
    assert "VIDEO_CAPTURE" in shown["device_caps_names"]
    assert (shown["device_type"], shown["overridden"], shown["announced"]) == (0, False, True)


def test_a_change_is_announced_to_the_guest(bench: Bench, client: Client) -> None:
    with vmm_of(bench) as vmm:
        changed = client.call("config.set", card="Faulty camera")
        assert (changed["card"], changed["overridden"]) == ("Faulty camera", True)
        while not vmm.config_changes:
            assert vmm.wait(5)
        assert CONFIG.unpack(vmm.read_config())[2].rstrip(b"\0") == b"Faulty camera"
        assert client.call("config.get")["announced"]
        back = client.call("config.set", reset=True)
        assert (back["card"], back["overridden"]) == ("vmedia-bench pattern", False)


def test_fields_that_are_left_out_stay(client: Client) -> None:
    before = client.call("config.get")
    after = client.call("config.set", device_caps=1)
    assert (after["device_caps"], after["device_caps_names"]) == (1, ["VIDEO_CAPTURE"])
    assert after["card"] == before["card"]
    last = client.call("config.set", device_type=2)
    assert (last["device_caps"], last["device_type"]) == (1, 2)


def test_all_of_it_may_be_given_as_bytes(client: Client) -> None:
    raw = CONFIG.pack(5, 6, b"\xffx")
    shown = client.call("config.set", hex=raw.hex())
    assert bytes.fromhex(shown["hex"]) == raw
    assert (shown["device_caps"], shown["device_type"], shown["card"]) == (5, 6, "\ufffdx")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "card"),
        ({"card": "x" * 33}, "card"),
        ({"card": "ä" * 17}, "card"),
        ({"device_caps": -1}, "device_caps"),
        ({"device_caps": 1 << 32}, "device_caps"),
        ({"hex": "xyz"}, "hex"),
        ({"hex": "00"}, "hex"),
        ({"reset": True, "card": "x"}, "reset"),
    ],
)
def test_what_does_not_fit_is_refused(client: Client, params: dict[str, Any], field: str) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("config.set", **params)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert caught.value.data == {"field": field}
    assert not client.call("config.get")["overridden"]
