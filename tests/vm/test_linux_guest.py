"""A real Linux guest under QEMU's emulation finds a camera; the kernel's own judge fails nothing.

v4l2-compliance is v4l-utils' test of V4L2 drivers. See docs/compliance.md.
"""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.serving import Serving
from tests.vm.linux_guest import LinuxGuest, Outcome
from vmedia_bench.backends import BACKENDS
from vmedia_bench.v4l2.formats import initial_format
from vmedia_bench.v4l2.source import Frame, VideoSource
from vmedia_bench.wire.v4l2 import BufType, fourcc

pytestmark = pytest.mark.vm

WIDTH, HEIGHT = 160, 120
KERNEL_TROUBLE = ("BUG", "Oops", "WARNING", "Call Trace")


def run(
    linux: LinuxGuest,
    qemu: str,
    folder: Path,
    script: str,
    *options: str,
    parameters: str = "",
) -> Outcome:
    with Serving(folder / "vm.sock", *options) as bench:
        outcome = linux.run(qemu, bench.socket, folder, script, parameters=parameters)
        log = bench.stop()
    assert "Traceback" not in log, log
    assert "ERROR" not in log, log
    assert not [word for word in KERNEL_TROUBLE if word in outcome.kernel], outcome.kernel
    return outcome


def totals(output: str) -> tuple[int, int, int]:
    """Total, succeeded and failed tests of v4l2-compliance."""
    found = re.search(r"Total for .*: (\d+), Succeeded: (\d+), Failed: (\d+)", output)
    assert found is not None, output[-3000:]
    return int(found[1]), int(found[2]), int(found[3])


@pytest.mark.parametrize("planes", ["--splane", "--mplane"])
@pytest.mark.parametrize("parameters", ["", "allow_userptr=1"], ids=["mmap", "userptr"])
def test_v4l2_compliance_fails_nothing(
    linux: LinuxGuest, qemu: str, tmp_path: Path, planes: str, parameters: str
) -> None:
    outcome = run(
        linux,
        qemu,
        tmp_path,
        "v4l2-compliance --no-progress --color never -d /dev/video0 -s",
        planes,
        parameters=parameters,
    )
    total, succeeded, failed = totals(outcome.output)
    assert failed == 0, outcome.output
    assert (outcome.code, succeeded) == (0, total)
    assert total >= 59
    assert "test MMAP (select, REQBUFS): OK\n" in outcome.output
    if parameters:
        assert "test USERPTR (select): OK\n" in outcome.output


def test_v4l2_compliance_fails_nothing_with_each_buffer_mapped_on_its_own(
    linux: LinuxGuest, qemu: str, tmp_path: Path
) -> None:
    script = "v4l2-compliance --no-progress --color never -d /dev/video0 -s"
    outcome = run(linux, qemu, tmp_path, script, "--shmem-mode", "per-buffer")
    assert totals(outcome.output)[2] == 0, outcome.output


class Sink:
    """A plane to fill."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.data = bytearray(length)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self.data[offset : offset + len(data)] = data

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])


def expected_frame(pixel_format: str) -> bytes:
    """What the pattern camera draws, without a device in between."""
    source = BACKENDS["pattern"].build(
        size=(WIDTH, HEIGHT), format=pixel_format, text=False, pattern="smpte"
    )
    assert isinstance(source, VideoSource)
    fmt = initial_format(source, int(BufType.VIDEO_CAPTURE))
    assert fmt.pixelformat == fourcc(pixel_format)
    source.start(fmt, source.default_interval())
    planes: Sequence[Sink] = [Sink(plane.sizeimage) for plane in fmt.planes]
    filled = source.fill(Frame(0, 0, source.default_interval()), planes)
    assert filled is not None
    return bytes(planes[0].data[: filled.bytesused[0]])


@pytest.mark.parametrize("pixel_format", ["RGB3", "YUYV", "NV12"])
@pytest.mark.parametrize("how", ["mmap", "user"])
def test_the_pixels_that_arrive_are_the_cameras(
    linux: LinuxGuest, qemu: str, tmp_path: Path, pixel_format: str, how: str
) -> None:
    script = (
        f"v4l2-ctl --stream-{how}=4 --stream-count=8 --stream-skip=7 --stream-to=/tmp/frame"
        " >/dev/null 2>&1 || exit 1\n"
        "echo frame; base64 -w 0 /tmp/frame; echo; echo end"
    )
    options = ("--size", f"{WIDTH}x{HEIGHT}", "--pixel-format", pixel_format, "--no-text")
    parameters = "allow_userptr=1" if how == "user" else ""
    outcome = run(linux, qemu, tmp_path, script, *options, parameters=parameters)
    assert outcome.code == 0, outcome.output
    text = re.search(r"frame\n(.*)\nend", outcome.output, re.DOTALL)
    assert text is not None
    expected = expected_frame(pixel_format)
    received = base64.b64decode(text[1])
    assert len(received) % len(expected) == 0
    assert received[-len(expected) :] == expected


def test_v4l2_ctl_streams_at_the_rate_that_was_asked_for(
    linux: LinuxGuest, qemu: str, tmp_path: Path
) -> None:
    script = "v4l2-ctl --set-parm=60 --stream-mmap --stream-count=120 2>&1"
    outcome = run(linux, qemu, tmp_path, script)
    assert outcome.code == 0
    rates = [float(rate) for rate in re.findall(r"(\d+\.\d+) fps", outcome.output)]
    assert rates
    assert all(50 < rate < 70 for rate in rates)


def test_the_driver_can_be_removed_and_inserted_again(
    linux: LinuxGuest, qemu: str, tmp_path: Path
) -> None:
    script = (
        "stream() { v4l2-ctl --stream-mmap=4 --stream-count=5 >/dev/null 2>&1; }\n"
        "stream || exit 1\n"
        "rmmod virtio_media || exit 2\n"
        "insmod /virtio_media.ko || exit 3\n"
        "until [ -e /dev/video0 ]; do usleep 50000; done; stream || exit 4"
    )
    assert run(linux, qemu, tmp_path, script).code == 0
