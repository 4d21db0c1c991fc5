"""What an operator sees and does of a device that is passed through."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.serving import Serving
from tests.vm.inside.conftest import control_named, device_named
from tests.vm.inside.direct import Direct
from vmedia_bench.backends.host.discovery import device_paths
from vmedia_bench.control.client import Client
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire.v4l2 import BufType

CAPTURE = int(BufType.VIDEO_CAPTURE)
CAMERA, DISPLAY = "vivid-000-vid-cap", "vivid-000-vid-out"
LIMIT_S = 30


def test_the_queue_and_the_controls_of_the_device(direct: Callable[[str], Direct]) -> None:
    socket = Path(tempfile.mkdtemp()) / "vm.sock"
    options = ("--name", "vivid", "--backend", "v4l2", "--set", f"device={device_named(CAMERA)}")
    host = direct(CAMERA)
    with (
        Serving(socket, *options) as bench,
        Client.connect(str(bench.control)) as operator,
        Vmm.connect(socket, timeout=20) as vmm,
        Driver(vmm).open() as session,
        Stream(session, CAPTURE, count=3) as stream,
    ):
        stream.queue_all()
        stream.stream_on()
        stream.next_frame(LIMIT_S)
        (queue,) = operator.call("buffers.list")["queues"]
        fmt = host.get_format(CAPTURE)
        assert (queue["width"], queue["height"]) == (fmt.width, fmt.height)
        assert (queue["session"], queue["memory"], queue["streaming"]) == (session.id, "MMAP", True)
        assert len(queue["buffers"]) == 3
        assert queue["frames"] >= 1
        brightness = operator.call("controls.set", control="brightness", value=55)
        assert brightness["value"] == host.get_control(control_named(host, "Brightness")) == 55


def test_the_devices_are_shown_with_what_they_are() -> None:
    command = [sys.executable, "-m", "vmedia_bench", "backend", "show", "v4l2", "--format", "json"]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["devices"]
    by_path = {row["path"]: row for row in shown}
    assert list(by_path) == device_paths()
    camera, display = (by_path[device_named(name)] for name in (CAMERA, DISPLAY))
    assert (camera["kind"], camera["problem"]) == ("capture", "")
    assert (display["kind"], display["problem"]) == ("output", "")
    assert camera["card"] == camera["driver"] == "vivid"
    assert camera["bus"] == "platform:vivid-000"
