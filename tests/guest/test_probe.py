"""The probe: a whole report of a good back-end, and a line for each mistake of a bad one."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import TYPE_CHECKING

import pytest

from vmedia_bench.guest.probe import buffer_types, probe
from vmedia_bench.wire.v4l2 import BufType

if TYPE_CHECKING:
    from tests.guest.camera import ScriptedCamera
    from tests.guest.rig import FakeBackend


def test_a_good_back_end_is_described_and_found_good(
    backend: FakeBackend, camera: ScriptedCamera
) -> None:
    report = probe(backend.path)
    assert report.error == ""
    assert report.findings == []
    assert report.card == "scripted camera"
    assert report.features == ["INDIRECT_DESC", "EVENT_IDX", "PROTOCOL_FEATURES", "VERSION_1"]
    assert "SHMEM" in report.protocol_features
    assert report.shmem_sizes == {0: 1 << 20}
    (queue,) = report.queues
    assert (queue.type, queue.current, queue.interval) == (
        "VIDEO_CAPTURE",
        "RGB3 2x2, 12 bytes",
        "1/30",
    )
    assert queue.capabilities == ["SUPPORTS_MMAP", "SUPPORTS_USERPTR"]
    assert queue.formats[0].sizes[0].size == "2x2"
    assert [i.shortest for i in queue.formats[0].sizes[0].intervals] == ["1/30", "1/60"]
    assert [control.value for control in report.controls[:2]] == ["-5", "camera"]
    assert report.controls[2].menu == {0: "item 0", 2: "item 2"}
    assert json.loads(json.dumps(dataclasses.asdict(report)))["queue_size"] == 256


@pytest.mark.parametrize("order", ["crosvm", "libkrun"])
def test_the_other_orders_reach_the_same_end(
    backend: FakeBackend, camera: ScriptedCamera, order: str
) -> None:
    report = probe(backend.path, order=order)
    assert (report.error, report.findings) == ("", [])


def test_a_failed_handshake_is_the_reports_error(backend: FakeBackend) -> None:
    backend.refuse = {8}
    backend.start()
    report = probe(backend.path)
    assert report.error == "back-end refused SET_VRING_NUM 256 of ring 0"


@pytest.mark.parametrize(
    ("field", "value", "finding"),
    [
        ("map_length", 100, "MMAP of buffer 0 plane 0 answered 100 bytes, QUERYBUF says 4096"),
        ("sequence_step", 2, "sequence 2 came, 1 was due"),
        ("userptr_answer", 1, "changed userptr of plane 0"),
    ],
)
def test_a_mistake_is_found(
    backend: FakeBackend, camera: ScriptedCamera, field: str, value: object, finding: str
) -> None:
    setattr(camera, field, value)
    report = probe(backend.path)
    assert any(finding in line for line in report.findings)


@pytest.mark.parametrize(
    ("number", "answer", "finding"),
    [
        (200, bytes(16), "an unknown ioctl (200) is answered with success, not ENOTTY"),
        (0, struct.pack("<II", 22, 0), "VIDIOC_QUERYCAP is answered with EINVAL, not ENOTTY"),
        (
            71,
            struct.pack("<II", 22, 0),
            "a failed G_EXT_CTRLS does not write the controls back: Linux then says EINVAL",
        ),
        (26, struct.pack("<II", 22, 7), "the reserved word of a response header is not zero"),
    ],
)
def test_a_wrong_answer_is_found(
    backend: FakeBackend, camera: ScriptedCamera, number: int, answer: bytes, finding: str
) -> None:
    def media(request: bytes, room: int) -> bytes:
        if len(request) >= 16 and struct.unpack_from("<I8xI", request) == (3, number):
            return answer
        return camera(request, room)

    backend.media = media
    assert finding in probe(backend.path).findings


def test_an_error_without_a_header_is_found(backend: FakeBackend, camera: ScriptedCamera) -> None:
    def media(request: bytes, room: int) -> bytes:
        answer = camera(request, room)
        return b"" if answer[:4] == struct.pack("<I", 25) else answer

    backend.media = media
    findings = probe(backend.path).findings
    wanted = "unsupported ioctls: back-end answered ioctl 200 with 0 bytes, a header has 8"
    assert wanted in findings


def test_a_back_end_that_stops_answering_does_not_hang_the_probe(
    backend: FakeBackend, camera: ScriptedCamera
) -> None:
    def media(request: bytes, room: int) -> bytes:
        if request[:4] == struct.pack("<I", 99):
            backend.mute = True
            raise BlockingIOError
        return camera(request, room)

    backend.media = media
    report = probe(backend.path, timeout=0.2)
    assert any("malformed commands" in line for line in report.findings)
    assert report.error


def test_queues_follow_from_the_capabilities() -> None:
    assert buffer_types(0x4000) == (
        BufType.VIDEO_CAPTURE_MPLANE,
        BufType.VIDEO_OUTPUT_MPLANE,
    )
    assert buffer_types(0x1) == (BufType.VIDEO_CAPTURE,)
