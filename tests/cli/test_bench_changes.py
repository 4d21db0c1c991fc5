"""What an operator changes, the guest sees."""

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Command, Result
from tests.cli.streaming_guest import StreamingGuest
from tests.serving import Serving
from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.guest.errors import GuestError, GuestIoctlError
from vmedia_bench.wire.ioctls import VIDIOC_G_INPUT

PROGRAMS = Path(sys.executable).parent


def typed(line: str, folder: Path) -> Result:
    """A line as it is typed into another terminal."""
    environment = os.environ | {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_inject_error_verbatim(guest: StreamingGuest, tmp_path: Path) -> None:
    result = typed("vmedia-bench inject-error --session 3 --errno EIO", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "EIO" in result.out
    with pytest.raises(GuestError):
        guest.take(50)
    assert guest.session.error == 5


def test_snapshot_verbatim(guest: StreamingGuest, tmp_path: Path) -> None:
    assert guest.session.id == 3
    result = typed("vmedia-bench snapshot frame.png", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("frame.png: session 3, buffer ")
    with Image.open(tmp_path / "frame.png") as picture:
        assert picture.size == (320, 240)
        left, right = picture.getpixel((10, 10)), picture.getpixel((310, 10))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert max(left) - min(left) < 12, "the first bar is grey"
    assert right[2] > 100 > right[0], "the last bar is blue"


def test_a_snapshot_of_one_buffer_as_it_is(
    command: Command, guest: StreamingGuest, tmp_path: Path
) -> None:
    frame = guest.take(5)[-1]
    path = tmp_path / "frame.yuv"
    words = ("snapshot", str(path), "--session", "3", "--buffer", str(frame.index), "--raw")
    said = json.loads(command(*words, "--format", "json").out)
    assert path.stat().st_size == 320 * 240 * 2
    assert (said["fourcc"], said["file"]) == ("YUYV", str(path))


def test_a_snapshot_through_a_pipe(guest: StreamingGuest, tmp_path: Path) -> None:
    assert guest.session.id == 3
    script = "vmedia-bench snapshot - | cat > piped.png"
    assert typed(script, tmp_path).err == ""
    with Image.open(io.BytesIO((tmp_path / "piped.png").read_bytes())) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("name", ["frame.jpg", "frame.webp", "frame.bmp"])
def test_a_snapshot_is_what_its_suffix_says(
    command: Command, guest: StreamingGuest, tmp_path: Path, name: str
) -> None:
    assert guest.session.id == 3
    assert command("snapshot", str(tmp_path / name)).code == 0
    with Image.open(tmp_path / name) as picture:
        assert picture.size == (320, 240)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("snapshot", "frame.txt"), ExitCode.USAGE, "try .png"),
        (("snapshot", "frame"), ExitCode.USAGE, "as 'frame': try .png"),
        (("snapshot", "/nowhere/frame.png"), ExitCode.MISSING, "/nowhere/frame.png"),
        (("snapshot", "f.png", "--session", "9"), ExitCode.MISSING, "1, 2, 3"),
        (("snapshot", "f.png", "--session", "3", "--buffer", "9"), ExitCode.MISSING, "buffer"),
        (("inject-error", "--session", "9"), ExitCode.MISSING, "1, 2, 3"),
        (("inject-error", "--session", "3", "--errno", "EIOO"), ExitCode.USAGE, "EIO"),
        (("inject-error",), ExitCode.USAGE, "--session"),
        (("faults", "remove", "9"), ExitCode.MISSING, "9"),
        (("inject", "preset", "qbuf-eror"), ExitCode.MISSING, "qbuf-error"),
        (("inject", "duplicate-event", "--event", "DQBUF"), ExitCode.REFUSED, "--may-crash-guest"),
        (("controls", "set", "brightness", "much"), ExitCode.USAGE, "0 to 255"),
        (("controls", "set", "brightnes", "3"), ExitCode.MISSING, "brightness"),
        (("config", "set"), ExitCode.USAGE, "--card"),
        (("config", "set", "--card", "x" * 33), ExitCode.USAGE, "32"),
        (("backend", "use", "patern"), ExitCode.MISSING, "pattern"),
        (("backend", "use", "file", "--set", "path=/no.png"), ExitCode.MISSING, "/no.png"),
        (("backend", "use", "pattern"), ExitCode.REFUSED, "--hot"),
        (("backend", "use", "pattern", "--hot", "--set", "fps"), ExitCode.USAGE, "KEY=VALUE"),
        (("backend", "use", "pattern", "--hot", "--set", "fps=x"), ExitCode.USAGE, "fps"),
        (("wait", "paused", "--timeout", "0.1"), ExitCode.TIMEOUT, "paused"),
        (("wait", "stremaing"), ExitCode.USAGE, "streaming"),
        (("trace", "stop"), ExitCode.MISSING, "recorded"),
        (("trace", "record", "/nowhere/x.vmtrace"), ExitCode.MISSING, "/nowhere"),
        (("trace", "export", "x.docx"), ExitCode.USAGE, ".pcapng"),
        (("scenario", "run", "nowhere.toml"), ExitCode.MISSING, "nowhere.toml"),
        (("stop",), ExitCode.REFUSED, "--force"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_code(
    ask: Command, words: tuple[str, ...], code: ExitCode, says: str
) -> None:
    result = ask(*words)
    assert (result.code, result.out) == (code, "")
    assert says in result.err
    assert result.err.count("\n") == 1 or code == ExitCode.USAGE


def test_an_errno_is_a_name_or_a_number(command: Command, guest: StreamingGuest) -> None:
    for given in ("EBUSY", "ebusy", "16"):
        assert command("inject", "errno", "--ioctl", "G_INPUT", "--errno", given).code == 0
        with pytest.raises(GuestIoctlError) as refused:
            guest.session.ioctl(VIDIOC_G_INPUT, bytes(4))
        assert refused.value.errno == 16
    guest.session.ioctl(VIDIOC_G_INPUT, bytes(4))


def test_rules_live_until_they_are_cleared(command: Command, guest: StreamingGuest) -> None:
    words = ("faults", "add", "--on", "command", "--do", "errno", "--ioctl", "G_INPUT")
    number = command(*words, "--errno", "EPERM", "--disarmed", "-q").out.strip()
    guest.session.ioctl(VIDIOC_G_INPUT, bytes(4))
    assert "armed" in command("faults", "arm", number).out
    with pytest.raises(GuestIoctlError):
        guest.session.ioctl(VIDIOC_G_INPUT, bytes(4))
    row = json.loads(command("faults", "list", "--format", "jsonl").out)
    assert (row["fired"], row["armed"]) == (1, True)
    assert "disarmed" in command("faults", "disarm", number).out
    guest.session.ioctl(VIDIOC_G_INPUT, bytes(4))
    assert command("faults", "remove", number).code == 0
    assert command("faults", "clear").out == "no fault rules\n"


def test_a_control_is_set_and_the_guest_reads_it(command: Command, guest: StreamingGuest) -> None:
    result = command("controls", "set", "brightness", "200", "--format", "json")
    assert json.loads(result.out)["value"] == 200
    assert command("controls", "get", "brightness", "-q").out == "200\n"
    assert command("controls", "set", "show_text", "off").code == 0
    assert command("controls", "set", "test_pattern", "3").code == 0
    assert "3 (" in command("controls", "get", "test_pattern").out
    assert guest.take(1)


def test_the_config_space_changes_and_goes_back(command: Command, guest: StreamingGuest) -> None:
    result = command("config", "set", "--card", "Another Card")
    assert "Another Card" in result.out
    assert "the operator's" in result.out
    assert "the backend's" in command("config", "set", "--reset").out
    assert guest.take(1)


def test_the_backend_changes_under_a_stream(command: Command, guest: StreamingGuest) -> None:
    words = ("backend", "use", "pattern", "--set", "pattern=solid", "--hot")
    dry = command(*words, "--dry-run", "--format", "json")
    assert json.loads(dry.out)["sessions_kept"] == [1, 2, 3]
    assert command(*words).code == 0, "hot"
    assert len(guest.take(8)) == 8
    ended = json.loads(command("backend", "use", "pattern", "--force", "--format", "json").out)
    assert ended["sessions_ended"] == [1, 2, 3]


def test_waiting_ends_when_it_holds(command: Command, guest: StreamingGuest) -> None:
    assert guest.session.id == 3
    assert command("wait", "streaming", "--session", "3", "--timeout", "5").code == 0
    assert command("wait", "session", "--count", "3").out.startswith("session after ")
    assert command("wait", "ready", "-q").out == ""


def test_waiting_ends_with_the_bench(command: Command, tmp_path: Path) -> None:
    def let_down() -> None:
        with listener.accept()[0] as client:
            client.recv(1000)
        listener.close()

    listener = socket.create_server(str(tmp_path / "bench"), family=socket.AF_UNIX)
    bench = Thread(target=let_down)
    bench.start()
    result = command("wait", "gone", "--bench", str(tmp_path / "bench"), "--timeout", "20")
    bench.join()
    assert result.code == ExitCode.UNREACHABLE
    assert "the bench bench has ended" in result.err


def test_the_newest_are_as_many_as_are_asked_for(
    command: Command, guest: StreamingGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.take(5)
    monkeypatch.setattr("vmedia_bench.cli.records.PAGE", 3)
    everything = command("commands", "--limit", "0", "-q").out.split()
    for limit in (2, 3, 4, 8, 10**30):
        newest = command("commands", "--limit", str(limit), "-q").out.split()
        assert newest == everything[-limit:]
    shown = command("trace", "show", "--limit", str(10**30), "-q").out.split()
    assert set(everything) <= set(shown)


def test_a_trace_is_not_exported_onto_itself(
    command: Command, guest: StreamingGuest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("trace", "export", "t.vmtrace").code == 0
    before = Path("t.vmtrace").read_bytes()
    Path("link.vmtrace").symlink_to("t.vmtrace")
    for name in ("t.vmtrace", "link.vmtrace"):
        result = command("trace", "export", name, "--from", "t.vmtrace")
        assert result.code == ExitCode.USAGE
        assert "is the file that is read" in result.err
    assert Path("t.vmtrace").read_bytes() == before


def test_a_recording_is_read_and_exported(
    command: Command, guest: StreamingGuest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("trace", "record", "-").code == ExitCode.USAGE
    assert command("trace", "record", "t.vmtrace", "--kept").code == 0
    guest.take(5)
    assert command("trace", "record", "other.vmtrace").code == ExitCode.REFUSED
    assert command("trace", "stop").code == 0
    assert command("trace", "record", "t.vmtrace").code == ExitCode.REFUSED
    rows = json.loads(command("trace", "show", "t.vmtrace", "--limit", "0", "--format", "json").out)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    live = json.loads(command("trace", "show", "--limit", "0", "--format", "json").out)
    assert live[: len(rows)] == rows
    for name in ("t.jsonl", "t.pcapng", "t.fields.jsonl"):
        result = command("trace", "export", name, "--from", "t.vmtrace")
        assert (result.code, result.out) == (0, ""), result.err
        assert f"{len(rows)} records" in result.err
        assert (tmp_path / name).stat().st_size > 1000
    again = command("trace", "stats", "t.jsonl", "--format", "json").out
    assert again == command("trace", "stats", "t.vmtrace", "--format", "json").out
    assert "1 record," in command("trace", "export", "-", "--as", "jsonl", "--filter", "seq==1").err


def test_a_damaged_trace_is_one_line(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "t.vmtrace"
    path.write_bytes(b"nonsense")
    result = command("trace", "show", str(path))
    assert (result.code, result.out) == (ExitCode.FAILURE, "")
    assert str(path) in result.err


SCENARIO = """
name = "two"

[[steps]]
title = "the driver is there"
wait = "ready"

[[steps]]
title = "never paused"
wait = "paused"
timeout_s = 0.1
"""


def test_stop_ends_the_bench(command: Command, camera: Serving) -> None:
    assert command("stop").out == "the bench ends\n"
    assert camera.process.wait(10) == 0
    assert command("status").code == ExitCode.UNREACHABLE


def test_stop_with_a_vm_needs_force(command: Command, camera: Serving, guest: Any) -> None:
    assert guest.session.id == 3
    assert command("stop").code == ExitCode.REFUSED
    assert command("stop", "--force").code == 0
    assert camera.process.wait(10) == 0


def test_a_recorded_guest_is_replayed(command: Command, camera: Serving, tmp_path: Path) -> None:
    trace, socket = tmp_path / "t.vmtrace", str(camera.socket)
    assert command("trace", "record", str(trace)).code == 0
    assert command("guest", "stream", "--socket", socket, "--frames", "5").code == 0
    assert command("trace", "stop").code == 0
    same = command("trace", "replay", str(trace), "--socket", socket, "--format", "json")
    assert json.loads(same.out)["verdict"] == "same", same.out
    assert same.code == 0
    assert command("inject", "errno", "--ioctl", "REQBUFS", "--errno", "ENOMEM").code == 0
    other = command("trace", "replay", str(trace), "--socket", socket)
    assert other.code == ExitCode.FAILURE
    assert "REQBUFS: status was 0, is ENOMEM" in other.out
    assert command("trace", "replay", str(trace), "--socket", "/no").code == ExitCode.UNREACHABLE


def test_a_scenario_is_run_and_reported(command: Command, guest: Any, tmp_path: Path) -> None:
    assert guest.session.id == 3
    path, out = tmp_path / "s.toml", tmp_path / "s.xml"
    path.write_text(SCENARIO)
    result = command("scenario", "run", str(path), "--junit", str(out))
    assert result.code == ExitCode.FAILURE
    assert "two: FAILED" in result.out
    assert "step 2: " in result.out
    assert 'failures="1"' in out.read_text()
    path.write_text(SCENARIO.partition('[[steps]]\ntitle = "never')[0])
    report = json.loads(command("scenario", "run", str(path), "--format", "json").out)
    assert report["passed"] is True
    path.write_text("steps = 3")
    wrong = command("scenario", "run", str(path))
    assert (wrong.code, wrong.out) == (ExitCode.USAGE, "")
    assert "steps" in wrong.err
