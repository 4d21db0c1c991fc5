"""What the commands do when all is well."""

import json
import stat
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Command
from tests.serving import Serving
from vmedia_bench import __version__
from vmedia_bench.cli.exit_codes import ExitCode

ORDERS = ["qemu", "crosvm", "libkrun"]


def test_version(command: Command) -> None:
    result = command("version")
    assert result.code == 0
    assert __version__ in result.out


def test_help_of_every_command(command: Command) -> None:
    for words in (
        (),
        ("serve",),
        ("demo",),
        ("guest",),
        ("guest", "probe"),
        ("guest", "ioctl"),
        ("guest", "stream"),
    ):
        assert "Usage:" in command(*words, "--help").out


def test_print_capabilities_is_json_for_qemus_conventions(command: Command) -> None:
    assert json.loads(command("serve", "--print-capabilities").out) == {
        "type": "media",
        "features": [],
    }


def test_doctor_finds_this_machine_fit(command: Command) -> None:
    result = command("doctor", "--format", "json")
    findings = {finding["what"]: finding["state"] for finding in json.loads(result.out)}
    assert findings["Python"] == findings["numpy"] == findings["Linux"] == "ok"
    assert result.code == 0


def test_doctor_says_what_is_missing_and_what_to_do(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    result = command("doctor")
    assert result.code == ExitCode.MISSING
    assert "set XDG_RUNTIME_DIR" in result.out
    assert "11.1" in result.out


def fake_qemu(folder: Path, version: str, *devices: str) -> str:
    program = folder / "qemu-fake"
    listing = "\n".join(f"echo 'name \"{device}\", bus PCI'" for device in devices)
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --version ]; then echo "QEMU emulator version {version}"; else true\n'
        f"{listing}\nfi\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def test_vmm_args_for_stock_qemu_warn_of_the_id_that_aborts(
    command: Command, tmp_path: Path
) -> None:
    qemu = fake_qemu(tmp_path, "11.1.3", "vhost-user-test-device-pci")
    result = command("vmm-args", "qemu", "--socket-path", "/run/cam.sock", "--qemu", qemu)
    assert result.code == 0
    assert "share=on" in result.out
    assert "path=/run/cam.sock" in result.out
    assert "virtio-id=30,num_vqs=2,vq_size=256,config_size=40" in result.out
    assert "aborts on virtio-id=48" in result.err


def test_vmm_args_take_the_media_device_where_qemu_has_it(command: Command, tmp_path: Path) -> None:
    qemu = fake_qemu(tmp_path, "12.0.0", "vhost-user-media-pci", "vhost-user-test-device-pci")
    result = command("vmm-args", "qemu", "--qemu", qemu)
    assert "vhost-user-media-pci,chardev=cam0" in result.out
    assert result.err == ""


@pytest.mark.parametrize(
    ("version", "devices", "says"),
    [
        ("7.2.0", (), "no generic vhost-user device"),
        ("9.0.1", ("vhost-user-device-pci",), "before 11.1"),
    ],
)
def test_vmm_args_warn_of_versions_that_are_too_old(
    command: Command, tmp_path: Path, version: str, devices: tuple[str, ...], says: str
) -> None:
    result = command("vmm-args", "qemu", "--qemu", fake_qemu(tmp_path, version, *devices))
    assert says in result.err


def test_vmm_args_without_that_qemu_say_so(command: Command) -> None:
    assert "was not found" in command("vmm-args", "qemu", "--qemu", "no-such-qemu").err


@pytest.mark.parametrize("wanted", [48, 14, 42])
def test_an_id_without_a_name_in_qemu_is_warned_of(command: Command, wanted: int) -> None:
    result = command("vmm-args", "qemu", "--qemu", "no-such-qemu", "--virtio-id", str(wanted))
    assert f"virtio-id={wanted}" in result.out
    assert "aborts" in result.err


def test_vmm_args_for_crosvm_and_libkrun(command: Command) -> None:
    assert (
        command("vmm-args", "crosvm", "--socket-path", "/s").out
        == "--vhost-user type=media,socket=/s\n"
    )
    assert '48, "/s"' in command("vmm-args", "libkrun", "--socket-path", "/s").out


def test_the_readme_shows_what_vmm_args_print(command: Command) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    path = "/run/user/1000/vmedia-bench/cam0.vm.sock"
    words = ("vmm-args", "qemu", "--qemu", "no-such-qemu", "--socket-path", path)
    shown = readme[readme.index("-object memory-backend") :].partition("```")[0]
    assert command(*words).out.split() == shown.split()


def test_vmm_args_as_lines_and_json_are_the_same_words(command: Command) -> None:
    words = ("vmm-args", "qemu", "--qemu", "no-such-qemu", "--format")
    lines = command(*words, "lines").out.splitlines()
    assert lines == json.loads(command(*words, "json").out)
    assert " ".join(lines) == command(*words, "shell").out.strip()


def test_demo_streams_120_frames_and_saves_the_picture(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("demo", "--fps", "0", "--no-text", "--motion", "0")
    assert result.code == 0, result.err
    assert "session 1" in result.out
    assert "MAPPED" in result.out
    assert "120 frames  YUYV 640x480" in result.out
    with Image.open("frame.png") as picture:
        assert picture.size == (640, 480)
        left, right = picture.getpixel((20, 20)), picture.getpixel((620, 20))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert max(left) - min(left) < 12, "the first bar is grey"
    assert right[2] > 100 > right[0], "the last bar is blue"


def test_demo_reports_as_json(command: Command, tmp_path: Path) -> None:
    words = (
        "demo",
        "--fps",
        "0",
        "--frames",
        "5",
        "--save",
        str(tmp_path / "f.png"),
        "--format",
        "json",
    )
    report = json.loads(command(*words).out)
    assert (report["frames"], report["violations"]) == (5, [])


def test_demo_passes_a_wrong_option_on_as_one_line(command: Command, tmp_path: Path) -> None:
    result = command("demo", "--pattern", "cat", "--save", str(tmp_path / "f.png"))
    assert result.code == ExitCode.USAGE
    assert "smpte" in result.err


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("planes", ["--splane", "--mplane"])
@pytest.mark.parametrize("shmem", ["arena", "per-buffer"])
def test_probe_finds_nothing_wrong_with_our_own_device(
    command: Command, tmp_path: Path, order: str, planes: str, shmem: str
) -> None:
    with Serving(tmp_path / "vm.sock", planes, "--fps", "120", "--shmem-mode", shmem) as bench:
        result = command(
            "guest", "probe", "--socket", str(bench.socket), "--order", order, "--format", "json"
        )
    report = json.loads(result.out)
    assert report["findings"] == []
    assert report["error"] == ""
    assert result.code == 0
    assert {fmt["fourcc"] for queue in report["queues"] for fmt in queue["formats"]} >= {
        "NV12",
        "MJPG",
    }
    assert len(report["controls"]) > 10


def test_probe_for_people_ends_with_the_verdict(command: Command, camera: Serving) -> None:
    result = command("guest", "probe", "--socket", str(camera.socket))
    assert result.out.rstrip().endswith("nothing wrong was found")
    assert "YUYV" in result.out


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("memory", ["mmap", "userptr"])
def test_stream_in_every_order_and_memory(
    command: Command, camera: Serving, order: str, memory: str
) -> None:
    words = ("guest", "stream", "--socket", str(camera.socket), "--frames", "10")
    result = command(*words, "--order", order, "--memory", memory, "--format", "json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    # A busy machine may miss a frame in time; none comes out of sequence.
    assert report["frames"] == 10
    assert report["last_sequence"] - report["first_sequence"] == 9 + report["missed"]


@pytest.mark.parametrize(
    "pixel_format", ["RGB3", "BGR3", "XR24", "YUYV", "UYVY", "NV12", "YU12", "GREY", "MJPG"]
)
def test_stream_saves_every_format_as_a_picture(
    command: Command, camera: Serving, tmp_path: Path, pixel_format: str
) -> None:
    path = tmp_path / "frame.png"
    result = command(
        *("guest", "stream", "--socket", str(camera.socket), "--frames", "2", "--save", str(path)),
        *("--pixel-format", pixel_format, "--size", "640x480"),
    )
    assert result.code == 0, result.err
    with Image.open(path) as picture:
        corner = picture.convert("RGB").getpixel((630, 200))
    assert isinstance(corner, tuple)
    assert corner[2] > 100 or pixel_format == "GREY"


def test_ioctl_prints_fields_by_name(command: Command, camera: Serving) -> None:
    words = ("guest", "ioctl", "--socket", str(camera.socket))
    lines = command(*words, "G_FMT", "type=VIDEO_CAPTURE").out.splitlines()
    assert "fmt.pix.width = 320" in lines
    assert "fmt.pix.pixelformat = YUYV" in lines
    answer = json.loads(
        command(*words, "G_EXT_CTRLS", "controls.0.id=BRIGHTNESS", "--format", "json").out
    )
    assert answer["controls"][0]["value"] == 128


def test_ioctl_sets_fields_of_a_union_by_their_short_names(
    command: Command, camera: Serving
) -> None:
    words = ("guest", "ioctl", "--socket", str(camera.socket), "TRY_FMT", "type=VIDEO_CAPTURE")
    lines = command(*words, "width=700", "height=500", "pixelformat=NV12").out.splitlines()
    assert "fmt.pix.width = 640" in lines
    assert "fmt.pix.pixelformat = NV12" in lines
