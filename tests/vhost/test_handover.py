"""One front-end after the other, without a pause in between."""

from pathlib import Path

import pytest

from tests.vhost.live import ServerThread
from tests.vhost.rig import EchoDevice
from vmedia_bench.vhost.frontend import Frontend
from vmedia_bench.vhost.observer import ConnectionRefused, FrontendGone
from vmedia_bench.vhost.settings import Settings
from vmedia_bench.wire.vhost_user import HEADER, VERSION, Request

UNREAD = 100


def succeed(path: Path) -> Frontend:
    """A front-end that connects right after one that has said much and left."""
    with Frontend.connect(path) as first:
        first.send_bytes(HEADER.pack(Request.SET_OWNER, VERSION, 0) * UNREAD)
    return Frontend.connect(path)


def test_one_that_left_much_unread_is_not_in_the_way(
    server: ServerThread, settings: Settings, device: EchoDevice
) -> None:
    path = settings.path
    assert path is not None
    # In the loop's own thread: nothing is read before the second one waits.
    with server.call(lambda: succeed(path)) as second:
        assert second.get_queue_num() == device.queue_count
        server.wait_for(FrontendGone)
    assert not [event for event in server.seen if isinstance(event, ConnectionRefused)]


@pytest.mark.parametrize("request_", [Request.SET_BACKEND_REQ_FD, Request.SET_MEM_TABLE, 200])
@pytest.mark.parametrize("announced", [0, 500])
def test_one_that_hands_over_its_own_end_does_not_stay_for_ever(
    server: ServerThread, settings: Settings, request_: int, announced: int
) -> None:
    assert settings.path is not None
    with Frontend.connect(settings.path) as front:
        front.set_protocol_features(front.get_protocol_features())
        front.send_raw(request_, b"", [front.fileno()], size=announced)
    assert "its own end" in server.wait_for(FrontendGone).reason
