"""v4l2-tracer's JSON: what a guest did as the system calls of a program."""

import io
import json
from typing import Any

import pytest

from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.export import FORMATS, write_records
from vmedia_bench.trace.record import Kind, Record

Call = dict[str, Any]


def calls(records: tuple[Record, ...]) -> list[Call]:
    file = io.BytesIO()
    write_records(records, file, FORMATS["v4l2-tracer"], {"bench": "cam0"})
    told: list[Call] = json.loads(file.getvalue())
    assert set(told[0]) == {"package_version", "git_sha"}
    assert told[1] == {"Trace": "vmedia-bench cam0"}
    return told[2:]


def named(found: list[Call], ioctl: str) -> list[Call]:
    return [call for call in found if call.get("ioctl") == f"VIDIOC_{ioctl}"]


@pytest.fixture
def program(userptr_trace: tuple[Record, ...]) -> list[Call]:
    return calls(userptr_trace)


def test_sessions_are_files(probe_trace: tuple[Record, ...]) -> None:
    told = calls(probe_trace)
    opened = [call["fd"] for call in told if "open" in call]
    entries = [summarize(record) for record in probe_trace]
    assert len(opened) == sum(entry.name == "OPEN" and not entry.status for entry in entries)
    assert opened == list(range(3, 3 + len(opened)))
    assert {call["fd"] for call in told if "close" in call} <= set(opened)
    assert told[0]["open"] == {"path": "/dev/video0", "oflag": "O_RDWR", "mode": ""}


def test_a_frame_is_dequeued_when_its_event_came(program: list[Call]) -> None:
    dequeued = named(program, "DQBUF")
    assert len(dequeued) >= 10
    buffer = dequeued[0]["from_driver"]["v4l2_buffer"]
    assert buffer["type"] == "V4L2_BUF_TYPE_VIDEO_CAPTURE"
    assert buffer["memory"] == "V4L2_MEMORY_USERPTR"
    assert "V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC" in buffer["flags"].split("|")
    order = [call["ioctl"] for call in program if "ioctl" in call]
    assert order.index("VIDIOC_STREAMON") < order.index("VIDIOC_DQBUF")


def test_what_the_program_asked_and_what_it_got_are_apart(program: list[Call]) -> None:
    (call, *_) = named(program, "REQBUFS")
    asked = call["from_userspace"]["v4l2_requestbuffers"]
    got = call["from_driver"]["v4l2_requestbuffers"]
    assert asked["count"] == got["count"] == 4
    assert asked["capabilities"] == ""
    assert "V4L2_BUF_CAP_SUPPORTS_MMAP" in got["capabilities"].split("|")
    assert named(program, "STREAMON")[0]["from_userspace"] == {
        "type": "V4L2_BUF_TYPE_VIDEO_CAPTURE"
    }
    assert "from_driver" not in named(program, "STREAMON")[0]


def test_a_union_member_goes_by_its_structure(mplane_trace: tuple[Record, ...]) -> None:
    told = calls(mplane_trace)
    answered = [call for call in named(told, "G_FMT") if "errno" not in call]
    fmt = answered[0]["from_driver"]["v4l2_format"]
    assert fmt["type"] == "V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE"
    assert fmt["v4l2_pix_format_mplane"]["width"] == 160
    assert fmt["v4l2_pix_format_mplane"]["plane_fmt"][0]["sizeimage"] > 0
    interval = named(told, "ENUM_FRAMEINTERVALS")[0]["from_driver"]["v4l2_frmivalenum"]
    assert interval["v4l2_fract"] == {"numerator": 1, "denominator": 1}
    buffers = named(told, "QUERYBUF")[0]["from_driver"]["v4l2_buffer"]
    assert set(buffers["m"]) == {"planes"}


def test_controls_are_named_and_an_errno_is_told(probe_trace: tuple[Record, ...]) -> None:
    found = named(calls(probe_trace), "G_EXT_CTRLS")
    controls = found[0]["from_driver"]["v4l2_ext_controls"]
    assert controls["which"] == "V4L2_CTRL_WHICH_CUR_VAL"
    assert controls["controls"][0]["id"] == "V4L2_CID_BRIGHTNESS"
    assert controls["controls"][0]["value"] == 128
    assert "error_idx" not in controls
    failed = [call for call in found if "errno" in call]
    assert failed[0]["errno"] == "EINVAL"
    assert failed[0]["from_driver"]["v4l2_ext_controls"]["error_idx"] == 1


def test_mappings_and_their_end_are_told(probe_trace: tuple[Record, ...]) -> None:
    told = calls(probe_trace)
    mapped = {call["buffer_address"]: call["mmap"] for call in told if "mmap" in call}
    ended = [call["munmap"] for call in told if "munmap" in call]
    assert ended
    for end in ended:
        assert mapped[end["start"]]["len"] == end["length"]


def test_what_the_retracer_does_not_know_is_left_out(probe_trace: tuple[Record, ...]) -> None:
    told = {call["ioctl"] for call in calls(probe_trace) if "ioctl" in call}
    assert "VIDIOC_QUERYMENU" not in told
    assert not any("200" in name for name in told)
    without_traffic = [record for record in probe_trace if record.kind in {Kind.NOTE, Kind.FAULT}]
    assert calls(tuple(without_traffic)) == []
