"""A real Linux guest finds a decoder and an encoder, and v4l2-compliance streams with them.

See docs/compliance.md.
"""

import base64
import re
import struct
from pathlib import Path

import pytest

from tests.backends.streams import encoded
from tests.serving import Serving
from tests.vm.linux_guest import LinuxGuest

pytestmark = pytest.mark.vm

COMPLIANCE = "v4l2-compliance --no-progress --color never -d /dev/video0 -s"
# The driver has this ioctl for every device, and a decoder must not.
DRIVERS_OWN = {"test VIDIOC_G/S_PARM: FAIL"}
CODED_MAGIC = b"rdhV"
"""What v4l-utils begins a coded frame with in a file, its length in four bytes behind it."""


def run(linux: LinuxGuest, qemu: str, folder: Path, script: str, *settings: str) -> str:
    options = [option for setting in settings for option in ("--set", setting)]
    with Serving(folder / "vm.sock", "--backend", "codec", *options) as bench:
        outcome = linux.run(qemu, bench.socket, folder, script)
        log = bench.stop()
    assert "Traceback" not in log, log
    assert "ERROR" not in log, log
    return outcome.output


@pytest.mark.parametrize("mplane", ["no", "yes"])
def test_v4l2_compliance_fails_nothing_of_the_encoder(
    linux: LinuxGuest, qemu: str, tmp_path: Path, mplane: str
) -> None:
    # v4l2-compliance before 1.31 takes a codec with AV01 for none.
    settings = ("direction=encoder", "formats=H264,HEVC,VP80,VP90,MPG2", f"mplane={mplane}")
    output = run(linux, qemu, tmp_path, COMPLIANCE, *settings)
    assert "Detected Stateful Encoder" in output
    assert "test MMAP (select, REQBUFS): OK\n" in output
    assert ", Failed: 0, Warnings: 0" in output, output


@pytest.mark.parametrize("mplane", ["no", "yes"])
@pytest.mark.parametrize("code", ["H264", "VP90"])
def test_v4l2_compliance_decodes_a_stream(
    linux: LinuxGuest, qemu: str, tmp_path: Path, code: str, mplane: str
) -> None:
    stream = b"".join(
        CODED_MAGIC + struct.pack(">I", len(data)) + data for data, _ in encoded(code, 60).packets
    )
    script = (
        f"base64 -d >/tmp/stream <<'END'\n{base64.encodebytes(stream).decode()}END\n"
        f"{COMPLIANCE} --stream-from-hdr {code}=/tmp/stream"
    )
    output = run(linux, qemu, tmp_path, script, f"formats={code}", f"mplane={mplane}")
    assert "Detected Stateful Decoder" in output
    assert "test MMAP (epoll, CREATE_BUFS): OK\n" in output
    failed = set(re.findall(r"test .*: FAIL", output))
    assert failed <= DRIVERS_OWN, output
