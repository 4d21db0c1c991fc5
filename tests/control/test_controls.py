"""controls.*: the operator's hand on the camera's knobs, which the guest hears of."""

import re
from errno import EBUSY
from typing import Any

import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import EVENT_CTRL
from vmedia_bench.wire.v4l2_controls import EventCtrlChange, EventType


def test_controls_are_listed_by_id_with_names_and_menus(client: Client) -> None:
    controls = client.call("controls.list")["controls"]
    ids = [control["id"] for control in controls]
    assert ids == sorted(ids)
    by_key = {control["key"]: control for control in controls}
    brightness = by_key["brightness"]
    assert (brightness["type"], brightness["minimum"], brightness["maximum"]) == ("INTEGER", 0, 255)
    assert brightness["id"] == Cid.BRIGHTNESS
    pattern = by_key["test_pattern"]
    assert pattern["type"] == "MENU"
    assert [item["index"] for item in pattern["menu"]] == list(range(len(pattern["menu"])))
    assert "CTRL_CLASS" not in {control["type"] for control in controls}


@pytest.mark.parametrize(
    "name",
    ["brightness", "Brightness", "BRIGHTNESS", "V4L2_CID_BRIGHTNESS", "0x980900", "9963776"],
)
def test_a_control_is_found_by_any_of_its_names(client: Client, name: str) -> None:
    assert client.call("controls.get", control=name)["key"] == "brightness"


def test_an_id_may_be_a_number(client: Client) -> None:
    assert client.call("controls.get", control=Cid.BRIGHTNESS.value)["key"] == "brightness"


def test_an_unknown_control_is_answered_with_near_ones(client: Client) -> None:
    with pytest.raises(OperationFailedError, match="did you mean brightness") as caught:
        client.call("controls.get", control="brighness")
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert "brightness" in caught.value.data["known"]


@pytest.mark.parametrize(
    ("control", "value", "stored"),
    [
        ("brightness", 17, 17),
        ("brightness", "0x20", 32),
        ("brightness", 1000, 255),
        ("horizontal_flip", "on", 1),
        ("horizontal_flip", False, 0),
        ("horizontal_flip", "yes", 1),
        ("horizontal_flip", 0, 0),
        ("test_pattern", 2, 2),
        ("test_pattern", "1", 1),
    ],
)
def test_values_are_numbers_words_or_text(
    client: Client, control: str, value: Any, stored: int
) -> None:
    assert client.call("controls.set", control=control, value=value)["value"] == stored
    assert client.call("controls.get", control=control)["value"] == stored


def test_a_menu_takes_the_name_of_an_entry(client: Client) -> None:
    menu = client.call("controls.get", control="test_pattern")["menu"]
    entry = menu[-1]
    done = client.call("controls.set", control="test_pattern", value=entry["name"].upper())
    assert done["value"] == entry["index"]


@pytest.mark.parametrize(
    ("control", "value", "says"),
    [
        ("brightness", "bright", "a number from 0 to 255"),
        ("horizontal_flip", "perhaps", "on or off"),
        ("test_pattern", "no such", "0 ("),
        ("test_pattern", 99, "0 ("),
    ],
)
def test_a_value_that_makes_no_sense_says_what_does(
    client: Client, control: str, value: Any, says: str
) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("controls.set", control=control, value=value)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert caught.value.data == {"field": "value"}
    assert says in caught.value.message


def test_a_guest_that_subscribed_hears_of_it(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        session.subscribe(EventType.CTRL, Cid.CONTRAST)
        value = client.call("controls.get", control="contrast")["value"]
        client.call("controls.set", control="contrast", value=value ^ 1)
        event = session.next_event(5)
        assert event is not None
        assert (event.type, event.id) == (EventType.CTRL, Cid.CONTRAST)
        assert session.get_control(Cid.CONTRAST) == value ^ 1


def test_a_session_that_is_not_open_has_no_controls(client: Client) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("controls.list", session=7)
    assert caught.value.code == ErrorCode.NOT_FOUND


def test_a_control_changes_as_a_driver_would_change_it(bench: Bench, client: Client) -> None:
    as_it_was = client.call("controls.get", control="contrast")
    limits = {"minimum": 40, "maximum": 60, "step": 5, "default": 50}
    with session_of(bench) as session:
        session.subscribe(EventType.CTRL, Cid.CONTRAST)
        changed = client.call("controls.change", control="contrast", **limits, grabbed=True)
        assert {name: changed[name] for name in limits} == limits
        for expected in (EventCtrlChange.RANGE | EventCtrlChange.VALUE, EventCtrlChange.FLAGS):
            event = session.next_event(5)
            assert event is not None
            assert EVENT_CTRL.unpack_from(event.payload)[0] == expected
        assert session.get_control(Cid.CONTRAST) == 60
        with pytest.raises(GuestIoctlError) as caught:
            session.set_control(Cid.CONTRAST, 50)
        assert caught.value.errno == EBUSY
        now = client.call("controls.change", control="contrast", grabbed=False, inactive=True)
        assert set(now["flags"]) == {*as_it_was["flags"], "INACTIVE"}
        assert session.set_control(Cid.CONTRAST, 50) == 50
    same = {name: as_it_was[name] for name in limits}
    client.call("controls.change", control="contrast", **same, inactive=False)
    client.call("controls.set", control="contrast", value=as_it_was["value"])
    assert client.call("controls.get", control="contrast") == as_it_was


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"minimum": 300}, ErrorCode.INVALID_PARAMS, "range 300..255"),
        ({"default": -1}, ErrorCode.INVALID_PARAMS, "default -1 is out of the range"),
        ({"maximum": 1 << 40}, ErrorCode.INVALID_PARAMS, "range 0..1099511627776"),
    ],
)
def test_a_range_that_cannot_be_changes_nothing(
    client: Client, change: dict[str, int], code: ErrorCode, says: str
) -> None:
    before = client.call("controls.get", control="contrast")
    with pytest.raises(OperationFailedError, match=re.escape(says)) as caught:
        client.call("controls.change", control="contrast", **change)
    assert caught.value.code == code
    assert client.call("controls.get", control="contrast") == before
