"""
The real v4l2-tracer retraces what we export, against a device that notes down what it is asked.

No Debian package has v4l2-tracer: build it from v4l-utils and name it in VMEDIA_BENCH_V4L2_TRACER.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.export import FORMATS, write_records
from vmedia_bench.trace.export.v4l2_tracer import TRACED
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import IOCTLS, VIDIOC_DQBUF, VIDIOC_DQEVENT, Direction, Shape

PROGRAM = os.environ.get("VMEDIA_BENCH_V4L2_TRACER", "")
SOURCE = Path(__file__).with_name("pretended_device.c")

pytestmark = pytest.mark.skipif(not PROGRAM, reason="VMEDIA_BENCH_V4L2_TRACER names no program")

Asked = tuple[int, object]
WITH_TEXT = {"ENUM_FMT", "ENUMINPUT", "ENUMOUTPUT", "QUERYCTRL", "QUERY_EXT_CTRL"}
"""The retracer leaves what it finds in memory behind an empty name or description."""


def retraced(records: tuple[Record, ...], folder: Path) -> list[Asked]:
    """The ioctls that reached the device: number, and what is in the argument."""
    path, library, log = folder / "trace.json", folder / "device.so", folder / "log"
    with path.open("wb") as file:
        write_records(records, file, FORMATS["v4l2-tracer"])
    compiler = shutil.which("cc")
    assert compiler is not None
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    done = subprocess.run(
        [PROGRAM, "retrace", path],
        env={**os.environ, "V4L2_TRACER": str(library), "RETRACED": str(log)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cannot retrace" not in done.stderr
    lines = [line.split(" ") for line in log.read_text().splitlines()]
    return [
        (int(number), content(int(number), bytes.fromhex(argument)))
        for what, number, argument in lines
        if what == "ioctl"
    ]


def content(number: int, argument: bytes) -> object:
    """What matters of an argument: all of it, but for pointers and for what is not retraced."""
    row = IOCTLS[number]
    if row.shape is Shape.BUFFER:
        fields = structs.BUFFER.unpack_from(argument)
        return fields[0], fields[1], fields[9]
    if row.shape is Shape.EXT_CONTROLS:
        return structs.EXT_CONTROLS.unpack_from(argument)[:2]
    if row.short_name in WITH_TEXT:
        return argument[:4]
    return b"" if number == VIDIOC_DQEVENT else argument.rstrip(b"\0")


def expected(records: tuple[Record, ...]) -> list[Asked]:
    """The ioctls that succeeded in the trace, and the ones that fetch its events."""
    asked: list[Asked] = []
    for record in records:
        entry = summarize(record)
        if record.kind == Kind.EVENT and entry.name == "DQBUF":
            asked.append((VIDIOC_DQBUF, content(VIDIOC_DQBUF, record.response[8:])))
        elif record.kind == Kind.EVENT and entry.name == "EVENT":
            asked.append((VIDIOC_DQEVENT, b""))
        elif entry.name in TRACED and entry.verb == "IOCTL" and entry.status == 0:
            driver_writes = IOCTLS[entry.ioctl].direction & Direction.W
            start = media.CMD_SESSION.size if driver_writes else media.RESP_HEADER.size
            argument = (record.request if driver_writes else record.response)[start:]
            asked.append((entry.ioctl, content(entry.ioctl, argument)))
    return asked


def test_a_device_is_asked_what_the_guest_asked(trace: tuple[Record, ...], tmp_path: Path) -> None:
    assert retraced(trace, tmp_path) == expected(trace)
