"""backends.*: what there is, and changing it under a running device."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import session_of
from vmedia_bench.backends import backend
from vmedia_bench.backends.host import discovery
from vmedia_bench.backends.host.discovery import HostDevice
from vmedia_bench.cli.views.backends import backend_text
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.control.server.backend_row import backend_row
from vmedia_bench.wire.v4l2 import Cap

SAME = {"size": "160x120", "format": "NV12", "fps": "120", "text": "off"}


@pytest.fixture
def restored(client: Client) -> Iterator[None]:
    """The camera that the other tests expect."""
    yield
    client.call("bench.wait", condition="no-session", timeout_s=10)
    client.call("backends.use", backend="pattern", options=SAME)


def test_the_one_that_runs_is_marked(client: Client) -> None:
    rows = client.call("backends.list")["backends"]
    assert [row["name"] for row in rows if row["active"]] == ["pattern"]
    assert {"pattern", "file"} <= {row["name"] for row in rows}
    for row in rows:
        assert row["usable"] == (not row["reason"])


def test_one_is_shown_with_its_options(client: Client) -> None:
    row = client.call("backends.show", backend="pattern")
    options = {option["name"]: option for option in row["options"]}
    assert options["size"]["type"] == "size"
    assert options["fps"]["help"]


def test_an_unknown_one_is_answered_with_near_names(client: Client) -> None:
    with pytest.raises(OperationFailedError, match="did you mean pattern") as caught:
        client.call("backends.show", backend="patern")
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert "pattern" in caught.value.data["known"]


@pytest.mark.usefixtures("restored")
def test_without_sessions_it_is_changed_at_once(bench: Bench, client: Client) -> None:
    done = client.call("backends.use", backend="pattern", options=SAME | {"card": "Another camera"})
    assert done["card"] == "Another camera"
    assert done["config_changed"]
    assert client.call("config.get")["card"] == "Another camera"
    with streaming_guest(bench):
        pass


@pytest.mark.usefixtures("restored")
def test_sessions_are_in_the_way_unless_they_may_end(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        with pytest.raises(OperationFailedError, match="--force") as caught:
            client.call("backends.use", backend="pattern")
        assert caught.value.code == ErrorCode.REFUSED
        assert caught.value.data == {"open": [session.id]}
        done = client.call("backends.use", backend="pattern", options=SAME, mode="force")
        assert done["sessions_ended"] == [session.id]
        assert session.driver.wait_event(5)
        assert session.error


@pytest.mark.usefixtures("restored")
def test_the_picture_changes_under_a_guest_that_streams_on(bench: Bench, client: Client) -> None:
    with streaming_guest(bench) as (session, stream):
        options = SAME | {"pattern": "solid"}
        done = client.call("backends.use", backend="pattern", options=options, mode="hot")
        assert done["sessions_kept"] == [session.id]
        for _ in stream.frames(10):
            pass
        last = stream.copy(stream.next_frame())[0]
        assert len(set(last[: 160 * 120])) == 1


def test_a_dry_run_changes_nothing(bench: Bench, client: Client) -> None:
    with session_of(bench) as session:
        forecast = client.call(
            "backends.use", backend="pattern", options={"card": "Other"}, dry_run=True
        )
        assert forecast["obstacles"]
        assert forecast["card"] == "Other"
        assert str(session.id) in forecast["obstacles"][0]
    assert client.call("config.get")["card"] == "vmedia-bench pattern"


@pytest.mark.parametrize(
    "options", [{"nonsense": "1"}, {"size": "big"}, {"fps": "-1"}, {"pattern": "no such"}]
)
def test_options_that_make_no_sense_are_named(client: Client, options: dict[str, str]) -> None:
    with pytest.raises(OperationFailedError) as caught:
        client.call("backends.use", backend="pattern", options=options)
    assert caught.value.code == ErrorCode.INVALID_PARAMS
    assert next(iter(options)) in caught.value.message


def test_a_file_that_is_not_there_is_said_to_be(client: Client) -> None:
    with pytest.raises(OperationFailedError, match="no-such-file") as caught:
        client.call("backends.use", backend="file", options={"path": "/no-such-file.png"})
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert client.call("bench.status")["backend"] == "pattern"


def test_a_device_that_is_none_is_said_to_be(client: Client) -> None:
    why = "v4l2 cannot run here: /dev/null is not a V4L2 device"
    with pytest.raises(OperationFailedError, match=why) as caught:
        client.call("backends.use", backend="v4l2", options={"device": "/dev/null"})
    assert caught.value.code == ErrorCode.UNUSABLE
    assert client.call("bench.status")["backend"] == "pattern"


def test_the_devices_of_this_system_are_shown(client: Client) -> None:
    shown = client.call("backends.show", backend="v4l2")["devices"]
    assert [row["path"] for row in shown] == discovery.device_paths()
    listed = client.call("backends.list")["backends"]
    assert not any(row["devices"] for row in listed)
    assert client.call("backends.show", backend="pattern")["devices"] == []


def test_a_device_is_shown_with_what_it_is_or_what_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = int(Cap.VIDEO_CAPTURE | Cap.STREAMING)
    found = (
        HostDevice("/dev/video0", "Webcam", "uvcvideo", "usb-1", camera),
        HostDevice("/dev/video1", problem="/dev/video1 is busy: another program has it"),
    )
    monkeypatch.setattr(discovery, "devices", lambda: found)
    row = msgspec.to_builtins(backend_row(backend("v4l2"), "pattern", devices=True))
    assert list(row["devices"]) == [
        {
            "path": "/dev/video0",
            "card": "Webcam",
            "driver": "uvcvideo",
            "bus": "usb-1",
            "kind": "capture",
            "problem": "",
        },
        {
            "path": "/dev/video1",
            **dict.fromkeys(("card", "driver", "bus", "kind"), ""),
            "problem": "/dev/video1 is busy: another program has it",
        },
    ]
    *_, first, second = backend_text(row).splitlines()
    assert first.split() == ["/dev/video0", "Webcam", "capture", "usb-1", "yes"]
    assert second.startswith("/dev/video1")
    assert second.endswith("no: is busy: another program has it")
