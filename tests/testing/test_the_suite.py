"""The suite that we offer finds what it says it finds."""

import pytest

from tests.testing import bad_cameras
from tests.testing.bad_cameras import GoodCamera
from tests.vhost.rig import open_fds
from vmedia_bench.guest.errors import GuestError
from vmedia_bench.guest.session import Session
from vmedia_bench.testing import BackendConformance, Served, guest_session

CASES = (
    (bad_cameras.HalfCamera, "whole_frames_are_written"),
    (bad_cameras.ShortCamera, "frames_come_in_every_format"),
    (bad_cameras.MeddlingCamera, "a_buffer_that_came_back_is_the_guests"),
    (bad_cameras.FailingCamera, "frames_come_in_every_format"),
    (bad_cameras.SilentCamera, "it_starts_anew_after_every_stop"),
    (bad_cameras.TouchyCamera, "controls_can_be_set_while_it_streams"),
)


def run(name: str, session: Session) -> None:
    """One test of the suite."""
    getattr(BackendConformance(), f"test_{name}")(session)


@pytest.mark.parametrize(("camera", "name"), CASES)
def test_a_bad_camera_is_found_out(camera: type[GoodCamera], name: str) -> None:
    with (
        Served(camera()) as served,
        guest_session(served) as session,
        pytest.raises((AssertionError, GuestError)),
    ):
        run(name, session)


@pytest.mark.parametrize("name", sorted({name for _, name in CASES}))
def test_a_good_one_is_not(name: str) -> None:
    with Served(GoodCamera()) as served, guest_session(served) as session:
        run(name, session)


def test_what_was_served_leaves_no_file_descriptor_open() -> None:
    before = open_fds()
    with Served(GoodCamera()) as served, guest_session(served):
        pass
    del served
    assert open_fds() == before
