"""Known pixels, by every VMM's habits, queue kind, memory type and kind of guest memory."""

from typing import NamedTuple

import numpy as np
import pytest

from tests.end_to_end.bench import Bench
from tests.end_to_end.guests import (
    GUEST_MEMORY,
    MMAP,
    USERPTR,
    queue_type,
    session_of,
    streaming,
    take_frames,
)
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.formats import VideoFormat
from vmedia_bench.guest.session import Session
from vmedia_bench.picture.rgb import to_rgb
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import fourcc

WIDTH, HEIGHT = 320, 240
TEST_PATTERN = int(Cid.TEST_PATTERN)
SOLID_TITLE = "Solid Colour"
SMPTE_TITLE = "SMPTE Colour Bars"
# 75 % bars of SMPTE EG 1: grey, yellow, cyan, green, magenta, red, blue.
BARS = [
    tuple(191 * bit for bit in bits)
    for bits in (
        (1, 1, 1),
        (1, 1, 0),
        (0, 1, 1),
        (0, 1, 0),
        (1, 0, 1),
        (1, 0, 0),
        (0, 0, 1),
    )
]
# The option --colour of the camera is not given: its default.
SOLID = (0x20, 0x60, 0xC0)


class Case(NamedTuple):
    """One combination; each pair of values of two columns occurs in some row."""

    order: str
    mplane: bool
    memory: int
    seal: bool
    regions: int
    pixel_format: str


CASES = [
    Case("qemu", False, MMAP, True, 1, "YUYV"),
    Case("qemu", True, USERPTR, False, 3, "NM12"),
    Case("qemu", False, USERPTR, False, 3, "XR24"),
    Case("qemu", True, MMAP, True, 3, "UYVY"),
    Case("crosvm", False, USERPTR, True, 1, "RGB3"),
    Case("crosvm", True, MMAP, False, 1, "YM12"),
    Case("crosvm", False, MMAP, False, 1, "MJPG"),
    Case("crosvm", True, USERPTR, True, 1, "YM12"),
    Case("libkrun", False, MMAP, False, 3, "NV12"),
    Case("libkrun", True, USERPTR, True, 3, "YU12"),
    Case("libkrun", False, USERPTR, False, 1, "BGR3"),
    Case("libkrun", True, MMAP, True, 1, "NM12"),
]


def tolerance(pixel_format: str) -> int:
    """How far a colour may be off: not at all, by rounding to Y'CbCr and back, by JPEG."""
    if pixel_format == "MJPG":
        return 12
    return 0 if pixel_format in {"RGB3", "BGR3", "XR24"} else 3


def choose(session: Session, title: str) -> None:
    info = session.control_info(TEST_PATTERN, menus=True)
    session.set_control(info, next(item.index for item in info.menu if item.name == title))


def frames_as_rgb(session: Session, case: Case, scatter: int) -> list[np.ndarray]:
    kind = queue_type(session.driver.vmm)
    wanted = VideoFormat(kind, WIDTH, HEIGHT, fourcc(case.pixel_format))
    fmt = session.set_format(wanted)
    assert (fmt.width, fmt.height, fmt.pixelformat) == (WIDTH, HEIGHT, wanted.pixelformat)
    with streaming(session, memory=case.memory, scatter=scatter) as stream:
        return [to_rgb(fmt, planes) for planes in take_frames(stream, 6)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_frames_show_what_the_camera_was_told_to_show(
    camera: Bench, mplane_camera: Bench, case: Case
) -> None:
    bench = mplane_camera if case.mplane else camera
    settings = {"order": case.order, "seal": case.seal, "regions": case.regions}
    slack = tolerance(case.pixel_format)
    with session_of(bench, memory_size=2 * GUEST_MEMORY, **settings) as session:
        for picture in frames_as_rgb(session, case, scatter=5):
            # The middle of each bar, in the upper two thirds.
            columns = [(2 * n + 1) * WIDTH // 14 for n in range(7)]
            for row in (2, HEIGHT // 3, HEIGHT * 5 // 8):
                seen = picture[row, columns].astype(int)
                assert np.abs(seen - np.array(BARS)).max() <= slack
        choose(session, SOLID_TITLE)
        try:
            for picture in frames_as_rgb(session, case, scatter=1):
                assert np.abs(picture.astype(int) - np.array(SOLID)).max() <= slack
        finally:
            choose(session, SMPTE_TITLE)


@pytest.mark.parametrize("seal", [True, False])
def test_no_byte_behind_a_userptr_frame_is_touched(camera: Bench, seal: bool) -> None:
    with session_of(camera, seal=seal) as session:
        kind = queue_type(session.driver.vmm)
        size = session.get_format(kind).planes[0].sizeimage
        with streaming(session, memory=USERPTR, sizes=(size + 5000,), count=2) as stream:
            for frame in stream.frames(4):
                assert frame.bytesused == (size,)
                view = stream.memory_of(frame.index)[0]
                assert bytes(view[size:]) in {bytes(5000), b"\xa5" * 5000}
                view[size:] = b"\xa5" * 5000
            assert bytes(view[size:]) == b"\xa5" * 5000


def test_indirect_and_separate_payloads_make_no_difference(camera: Bench) -> None:
    with session_of(camera) as session:
        kind = queue_type(session.driver.vmm)
        with streaming(session) as stream:
            plain = take_frames(stream, 2)
        vmm = session.driver.vmm
        for shared, indirect in ((False, False), (True, True), (False, True)):
            with Driver(vmm, shared=shared, indirect=indirect).open() as other:
                assert other.get_format(kind) == other.try_format(other.get_format(kind))
                with streaming(other) as stream:
                    assert take_frames(stream, 2) == plain
