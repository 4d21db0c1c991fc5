"""faults.*: the handlers' part; what the rules do is tested beside the engine."""

from typing import Any

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.faults.presets import PRESETS
from vmedia_bench.guest.errors import GuestIoctlError

G_FMT = {
    "match": {"on": "command", "ioctl": "G_FMT"},
    "action": {"do": "errno", "errno": "EBUSY"},
}


def refused(client: Client, method: str, **params: Any) -> OperationFailedError:
    """The error that a call ends with."""
    with pytest.raises(OperationFailedError) as caught:
        client.call(method, **params)
    return caught.value


def test_a_rule_acts_while_it_is_armed(bench: Bench, client: Client) -> None:
    argument = (1).to_bytes(4, "little")
    row = client.call("faults.add", rule=G_FMT)
    assert (row["armed"], row["fired"]) == (True, 0)
    with session_of(bench) as session:
        with pytest.raises(GuestIoctlError, match="EBUSY"):
            session.ioctl("G_FMT", argument)
        assert client.call("faults.list")["faults"][0]["fired"] == 1
        assert not client.call("faults.disarm", id=row["id"])["armed"]
        session.ioctl("G_FMT", argument)
        client.call("faults.arm", id=row["id"])
        with pytest.raises(GuestIoctlError, match="EBUSY"):
            session.ioctl("G_FMT", argument)
        assert client.call("faults.remove", id=row["id"]) == {"faults": []}
        session.ioctl("G_FMT", argument)
    assert client.call("bench.status")["counters"]["faults_fired"] >= 2


def test_an_error_is_injected_into_a_session(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        row = client.call("faults.inject_error", session=session.id, errno=5)
        assert (row["fired"], row["spent"]) == (1, True)
        assert session.driver.wait_event(5)
        assert session.error == 5


def test_a_session_that_is_not_open_is_answered_with_the_open_ones(
    bench: Bench, client: Client
) -> None:
    with session_of(bench) as session:
        error = refused(client, "faults.inject_error", session=99)
        assert (error.code, error.data) == (ErrorCode.NOT_FOUND, {"open": [session.id]})


def test_an_unknown_errno_is_answered_with_near_names(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        error = refused(client, "faults.inject_error", session=session.id, errno="EI0")
        assert error.code == ErrorCode.INVALID_PARAMS
        assert "EIO" in error.message


def test_an_unknown_rule_is_answered_with_those_there_are(client: Client) -> None:
    number = client.call("faults.add", rule=G_FMT)["id"]
    for method in ("faults.remove", "faults.arm", "faults.disarm"):
        error = refused(client, method, id=number + 1)
        assert (error.code, error.data) == (ErrorCode.NOT_FOUND, {"known": [number]})


def test_a_rule_that_makes_no_sense_is_refused_with_its_field(client: Client) -> None:
    rule = G_FMT | {"action": {"do": "errno", "errno": "EXCUSE"}}
    error = refused(client, "faults.add", rule=rule)
    assert error.code == ErrorCode.INVALID_PARAMS
    assert "errno" in error.message
    assert client.call("faults.list")["faults"] == []


def test_what_may_crash_a_guest_has_to_be_allowed(client: Client) -> None:
    rule = {
        "match": {"on": "command", "ioctl": "QBUF"},
        "action": {"do": "header-only"},
    }
    error = refused(client, "faults.add", rule=rule)
    assert error.code == ErrorCode.REFUSED
    assert "crash" in error.message
    assert client.call("faults.add", rule=rule, may_crash_guest=True)["may_crash_guest"]


def test_presets_are_ready_to_use(client: Client) -> None:
    presets = client.call("faults.presets")["presets"]
    assert [preset["name"] for preset in presets] == list(PRESETS)
    row = client.call("faults.use_preset", preset="qbuf-error", count=3)
    assert row["rule"]["schedule"]["count"] == 3
    error = refused(client, "faults.use_preset", preset="qbuf-eror")
    assert error.code == ErrorCode.NOT_FOUND
    assert "qbuf-error" in error.message


def test_a_preset_may_be_for_one_session(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        row = client.call("faults.use_preset", preset="qbuf-error", session=session.id)
        assert row["rule"]["match"]["session"] == session.id
        error = refused(client, "faults.use_preset", preset="qbuf-error", session=99)
        assert error.code == ErrorCode.NOT_FOUND
