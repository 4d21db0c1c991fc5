"""Fields by name: where they are and what they become, for every structure there is."""

import pytest

from vmedia_bench.faults.errors import RuleError
from vmedia_bench.faults.field_patch import field_patch
from vmedia_bench.faults.matching import Target
from vmedia_bench.faults.patch import Patch
from vmedia_bench.faults.rule import On
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Ioctl, ioctl_named
from vmedia_bench.wire.layouts.decode import decode_event, decode_response


def target(name: str, buf_type: int | None = None) -> Target:
    return Target(command=media.CMD_IOCTL, ioctl=ioctl_named(name), type=buf_type)


def test_a_patched_answer_reads_as_it_was_patched() -> None:
    command = media.CMD_SESSION.pack(media.CMD_IOCTL, 1, ioctl_named("G_FMT").number)
    answer = media.RESP_HEADER.pack(0) + structs.FORMAT.pack(1, bytes(200))
    for path, value in (("pix.pixelformat", "NV12"), ("fmt.pix.width", "640"), ("priv", "0xff")):
        answer = field_patch(On.COMMAND, target("G_FMT", 1), path, value).apply(answer)
    pix = decode_response(command, answer)["payload"]["fmt"]["pix"]
    assert (pix["pixelformat"], pix["width"], pix["priv"]) == ("NV12", 640, 255)


def test_a_patched_event_reads_as_it_was_patched() -> None:
    event = media.EVENT_HEADER.pack(media.EVT_DQBUF, 1) + bytes(600)
    for path, value in (
        ("buffer.type", "VIDEO_CAPTURE_MPLANE"),
        ("buffer.flags", "ERROR|LAST"),
        ("buffer.length", "2"),
        ("planes.1.bytesused", "77"),
    ):
        event = field_patch(On.EVENT, Target(event=media.EVT_DQBUF), path, value).apply(event)
    shown = decode_event(event)
    assert shown["buffer"]["flags"] == "ERROR|LAST"
    assert shown["planes"][1]["bytesused"] == 77


def test_the_status_is_a_field_of_every_answer() -> None:
    for where in (Target(), target("QBUF"), Target(command=media.CMD_MMAP)):
        assert field_patch(On.COMMAND, where, "status", "ENODEV") == Patch(0, b"\x13\0\0\0")


@pytest.mark.parametrize("row", IOCTLS.values(), ids=lambda row: row.short_name)
def test_an_unknown_field_lists_what_there_is(row: Ioctl) -> None:
    with pytest.raises(RuleError) as caught:
        field_patch(On.COMMAND, target(row.name), "no such field", "1")
    assert "status" in str(caught.value)
    assert ("payload." in str(caught.value)) == (row.direction in {Direction.R, Direction.WR})


def test_a_field_that_lies_at_one_place_in_all_members_is_not_ambiguous() -> None:
    patch = field_patch(On.COMMAND, target("G_PARM"), "timeperframe.numerator", "0")
    assert patch == Patch(8 + 4 + 8, bytes(4))
