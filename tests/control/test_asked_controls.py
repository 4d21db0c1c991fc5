"""A device's controls by its ioctls only: what is found is what an emulated device knows."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.reactor import HandReactor
from vmedia_bench.backends.pattern.options import PatternOptions
from vmedia_bench.backends.pattern.source import PatternSource
from vmedia_bench.control.operations.controls import ControlChangeParams
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.control_desk import EmulatedDesk
from vmedia_bench.control.server.control_enquiry import AskedDesk
from vmedia_bench.control.server.handlers import controls
from vmedia_bench.device.arena import Arena
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.later import Later
from vmedia_bench.v4l2.node import VideoNode
from vmedia_bench.v4l2.ports import NodePorts
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag


class Nobody:
    """An event sink that nobody listens to."""

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None: ...
    def event(self, session_id: int, event: bytes) -> None: ...
    def error(self, session_id: int, errno: int) -> None: ...
    def drop_dqbufs(self, session_id: int, buf_type: int) -> None: ...
    def frames_lost(self, count: int) -> None: ...
    def frame_wanted(self, session_id: int | None, buf_type: int) -> bool:
        return True


@pytest.fixture
def node() -> VideoNode:
    memory = memoryview(bytearray(1 << 20))
    arena = Arena(memory, discard=lambda *_: None, populate=lambda *_: None)
    ports = NodePorts(arena, Nobody(), lambda: 0, lambda _deadline: None, HandReactor())
    return VideoNode(PatternSource(PatternOptions()), ports)


def test_every_control_is_found_with_range_menu_and_value(node: VideoNode) -> None:
    context = node.context()
    assert context is not None

    async def both() -> None:
        asked = await AskedDesk(node, None).states()
        known = await EmulatedDesk(context.controls).states()
        assert [each.cid for each in asked] == [each.cid for each in known]
        for found, expected in zip(asked, known, strict=True):
            # QUERY_EXT_CTRL says 1 as the step of a menu; HAS_PAYLOAD is the kernel's to add.
            assert replace(found, step=expected.step, default=expected.default) == replace(
                expected, flags=found.flags
            )
            assert found.flags & ~int(CtrlFlag.HAS_PAYLOAD) == expected.flags & ~int(
                CtrlFlag.HAS_PAYLOAD
            )

    asyncio.run(both())


def test_a_control_is_set_as_a_program_sets_it(node: VideoNode) -> None:
    async def set_and_look() -> None:
        desk = AskedDesk(node, None)
        await desk.set(int(Cid.BRIGHTNESS), 17)
        found = {each.cid: each for each in await desk.states()}
        assert found[Cid.BRIGHTNESS].value == 17

    asyncio.run(set_and_look())


def test_what_a_device_itself_says_of_a_control_is_not_ours_to_change(
    node: VideoNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "desk_of", AskedDesk)
    bench: Any = SimpleNamespace(device=SimpleNamespace(node=node))
    asked = ControlChangeParams(control="brightness", maximum=200)
    change: Any = controls.HANDLERS["controls.change"]
    with pytest.raises(RpcError) as caught:
        asyncio.run(change(bench, asked))
    assert caught.value.code == ErrorCode.REFUSED


def test_who_asks_no_more_while_the_device_opens_leaves_no_session(
    node: VideoNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = node.open

    def open_slowly(session_id: int) -> Later:
        opened(session_id)
        return Later()

    monkeypatch.setattr(node, "open", open_slowly)

    async def give_up() -> None:
        asking = asyncio.create_task(AskedDesk(node, None).set(int(Cid.BRIGHTNESS), 17))
        await asyncio.sleep(0)
        assert len(node.sessions()) == 1
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(give_up())
    assert node.sessions() == ()


def test_what_cannot_be_set_is_refused(node: VideoNode) -> None:
    with pytest.raises(V4l2Error):
        asyncio.run(AskedDesk(node, None).set(0x12345, 1))


def test_no_session_stays_open(node: VideoNode) -> None:
    asyncio.run(AskedDesk(node, None).states())
    assert not node.sessions()
