"""Another backend under a running device."""

from collections.abc import Sequence
from errno import EINVAL, EIO, ENODEV

import pytest

from tests.device.rig import FRAME_SIZE, MMAP, GreyCamera, Rig
from vmedia_bench.device.switching import SwitchRefusedError, switch
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.ports import Node, NodePorts
from vmedia_bench.v4l2.source import Filled, Format, FormatDesc, Frame, Plane, PlaneFormat
from vmedia_bench.wire import ioctls, media, structs
from vmedia_bench.wire.v4l2 import fourcc


class WhiteCamera(GreyCamera):
    """As the grey one, but its frames end with 0xff."""

    card = "white camera"

    def __init__(self) -> None:
        super().__init__()
        self.detached = 0

    def fill(self, frame: Frame, planes: Sequence[Plane]) -> Filled:
        filled = super().fill(frame, planes)
        planes[0].write(FRAME_SIZE - 1, b"\xff")
        return filled

    def detach(self) -> None:
        self.detached += 1


class LargeCamera(WhiteCamera):
    """Another frame size: it cannot serve what the grey camera's guests negotiated."""

    def formats(self, buf_type: int) -> Sequence[FormatDesc]:
        return (FormatDesc(fourcc("GREY"), lambda w, h: (PlaneFormat(w, w * h),), ((64, 64),)),)


class BrokenCamera(WhiteCamera):
    """Cannot be started."""

    def start(self, fmt: Format, interval: object) -> None:
        raise V4l2Error(EIO, "no signal")


class HostDevice:
    """A maker that is no source."""

    def __init__(self, *, missing: bool = False) -> None:
        self.missing = missing

    def make_node(self, ports: NodePorts) -> Node:
        if self.missing:
            raise FileNotFoundError("/dev/video7 is not there")
        return WhiteCamera().make_node(ports)


def dqbufs(rig: Rig) -> list[tuple[int, int]]:
    """(sequence, last byte of the frame) of the buffers that have come back, queued again."""
    found = []
    for event in rig.events():
        header = media.EVENT_HEADER.unpack_from(event)
        if header[0] != media.EVT_DQBUF:
            continue
        fields = structs.BUFFER.unpack_from(event, 8)
        start = rig.offset_of(header[1], fields[0])
        found.append((fields[8], rig.arena.block_at(start).view[FRAME_SIZE - 1]))  # type: ignore[union-attr]
        rig.queue(header[1], fields[0])
    return found


def errors(rig: Rig) -> list[tuple[int, int]]:
    """(session, errno) of the EVT_ERROR events."""
    found = []
    for event in rig.events():
        command, session = media.EVENT_HEADER.unpack_from(event)
        if command == media.EVT_ERROR:
            found.append((session, media.EVENT_ERROR.unpack_from(event)[-1]))
    return found


def test_without_sessions_it_is_swapped_at_once_and_announced() -> None:
    rig = Rig()
    done = switch(rig.device, WhiteCamera())
    assert (done.card, done.sessions_kept, done.sessions_ended) == ("white camera", (), ())
    assert done.config_changed
    assert rig.transport.config_changes == 1
    assert b"white camera" in rig.device.config_space()
    rig.streaming()
    rig.let_pass(0.1)
    assert dqbufs(rig)[0] == (0, 0xFF)


def test_the_same_card_and_capabilities_are_not_announced() -> None:
    rig = Rig()
    assert not switch(rig.device, GreyCamera()).config_changed
    assert rig.transport.config_changes == 0


def test_a_config_space_of_the_operators_stays() -> None:
    rig = Rig()
    mine = media.CONFIG.pack(1, 0, b"mine")
    rig.device.set_config(mine)
    rig.transport.config_changes = 0
    assert switch(rig.device, WhiteCamera()).config_changed
    assert rig.device.config_space() == mine
    assert rig.transport.config_changes == 0


def test_open_sessions_are_named_and_the_new_source_is_let_go() -> None:
    rig = Rig()
    first, second = rig.open(), rig.open()
    new = WhiteCamera()
    with pytest.raises(SwitchRefusedError, match=f"sessions {first} and {second} are open: --hot"):
        switch(rig.device, new)
    assert new.detached == 1
    rig.close(first)
    with pytest.raises(SwitchRefusedError, match=f"session {second} is open: --hot") as refused:
        switch(rig.device, WhiteCamera())
    assert refused.value.sessions == (second,)
    assert rig.device.node.card == "grey camera"


def test_hot_a_stream_runs_on_without_a_gap() -> None:
    rig = Rig()
    session = rig.streaming()
    rig.let_pass(0.1)
    before = dqbufs(rig)
    done = switch(rig.device, WhiteCamera(), "hot")
    assert (done.sessions_kept, done.sessions_ended) == ((session,), ())
    rig.let_pass(0.1)
    after = dqbufs(rig)
    sequences = [sequence for sequence, _ in before + after]
    assert sequences == list(range(len(sequences)))
    assert all(last == sequence & 0xFF for sequence, last in before)
    assert {last for _, last in after} == {0xFF}


@pytest.mark.parametrize(
    ("maker", "why"),
    [
        (LargeCamera(), "cannot serve GREY 32x32"),
        (HostDevice(), "a device of the host cannot be changed while it is used"),
    ],
)
def test_hot_needs_a_source_that_serves_what_was_negotiated(
    maker: LargeCamera | HostDevice, why: str
) -> None:
    rig = Rig()
    rig.streaming()
    with pytest.raises(SwitchRefusedError, match=why):
        switch(rig.device, maker, "hot")
    rig.let_pass(0.1)
    assert len(dqbufs(rig)) > 1


def test_hot_a_source_that_does_not_start_leaves_the_old_one_at_work() -> None:
    rig = Rig()
    rig.streaming()
    rig.let_pass(0.1)
    count = len(dqbufs(rig))
    new = BrokenCamera()
    with pytest.raises(V4l2Error, match="no signal"):
        switch(rig.device, new, "hot")
    assert new.detached
    rig.let_pass(0.1)
    assert next(last for _, last in dqbufs(rig)) == count
    assert rig.device.node.card == "grey camera"


def test_force_ends_the_sessions_first() -> None:
    rig = Rig()
    session, other = rig.streaming(), rig.open()
    done = switch(rig.device, LargeCamera(), "force")
    assert (done.sessions_kept, done.sessions_ended) == ((), (session, other))
    assert errors(rig) == [(session, ENODEV), (other, ENODEV)]
    assert rig.ioctl(session, ioctls.VIDIOC_G_INPUT, bytes(4))[0] == EINVAL
    rig.close(session)
    rig.close(other)
    rig.streaming()
    rig.let_pass(0.1)
    assert rig.device.node.card == "white camera"


def test_force_leaves_mappings_valid_until_munmap() -> None:
    rig = Rig()
    session = rig.open()
    rig.request_buffers(session, 1, MMAP)
    offset = rig.offset_of(session, 0)
    _, address, _ = rig.mmap(session, offset)
    rig.arena.block_at(offset).view[:4] = b"kept"  # type: ignore[union-attr]
    switch(rig.device, LargeCamera(), "force")
    again = rig.open()
    rig.request_buffers(again, 1, MMAP)
    assert rig.offset_of(again, 0) != offset
    assert bytes(rig.arena.block_at(offset).view[:4]) == b"kept"  # type: ignore[union-attr]
    assert rig.munmap(address) == 0


def test_force_with_a_node_that_cannot_be_built_ends_nothing() -> None:
    rig = Rig()
    rig.streaming()
    with pytest.raises(FileNotFoundError):
        switch(rig.device, HostDevice(missing=True), "force")
    rig.let_pass(0.1)
    assert len(dqbufs(rig)) > 1


def test_sessions_that_have_failed_are_in_nobodys_way() -> None:
    rig = Rig()
    session = rig.streaming()
    rig.device.node.fail(session, EIO)
    assert switch(rig.device, LargeCamera()).sessions_ended == ()
    rig.close(session)


def test_a_dry_run_says_what_would_happen_and_does_nothing() -> None:
    rig = Rig()
    session = rig.streaming()
    new = WhiteCamera()
    hot = switch(rig.device, new, "hot", dry_run=True)
    assert (hot.card, hot.sessions_kept, hot.obstacles) == ("white camera", (session,), ())
    assert hot.config_changed
    assert new.detached == 1
    refused = switch(rig.device, WhiteCamera(), "refuse", dry_run=True)
    assert refused.obstacles == (
        f"session {session} is open: --hot changes the picture under it, --force ends it",
    )
    large = switch(rig.device, LargeCamera(), "hot", dry_run=True)
    assert "cannot serve" in large.obstacles[0]
    forced = switch(rig.device, LargeCamera(), "force", dry_run=True)
    assert (forced.sessions_ended, forced.obstacles) == ((session,), ())
    rig.let_pass(0.1)
    assert [last for _, last in dqbufs(rig)][:3] == [0, 1, 2]
    assert rig.transport.config_changes == 0
