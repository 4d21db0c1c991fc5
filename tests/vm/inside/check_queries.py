"""What a guest can ask is answered as the host's kernel answers it."""

from collections.abc import Callable
from errno import EINVAL, ENOTTY

import pytest

from tests.vm.inside.conftest import Connect
from tests.vm.inside.direct import Direct
from vmedia_bench.guest.control_calls import ControlCalls
from vmedia_bench.guest.errors import GuestIoctlError
from vmedia_bench.guest.format_calls import FormatCalls
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Sent, Shape
from vmedia_bench.wire.v4l2 import BufType, Cap, CtrlFlag, SelTarget

CAPTURE, OUTPUT = int(BufType.VIDEO_CAPTURE), int(BufType.VIDEO_OUTPUT)
CAPTURE_MPLANE, OUTPUT_MPLANE = (
    int(BufType.VIDEO_CAPTURE_MPLANE),
    int(BufType.VIDEO_OUTPUT_MPLANE),
)
QUEUES = [
    ("vivid-000-vid-cap", CAPTURE),
    ("vivid-000-vid-out", OUTPUT),
    ("vivid-001-vid-cap", CAPTURE_MPLANE),
    ("vivid-001-vid-out", OUTPUT_MPLANE),
]
Both = Callable[[str], tuple["Asked", "Asked"]]


class Asked(FormatCalls, ControlCalls):
    """What tests ask: either side."""


@pytest.fixture
def both(connect: Connect, direct: Callable[[str], Direct]) -> Both:
    return lambda name: (connect(name), direct(name))  # type: ignore[return-value]


def answer(caller: Asked, request: str, payload: bytes) -> bytes | int:
    """What an ioctl answers, or its errno."""
    try:
        return caller.ioctl(request, payload)
    except GuestIoctlError as error:
        return error.errno


@pytest.mark.parametrize(("name", "buf_type"), QUEUES)
def test_formats_sizes_and_intervals(both: Both, name: str, buf_type: int) -> None:
    guest, host = both(name)
    formats = list(host.enum_formats(buf_type))
    assert len(formats) > 20
    assert list(guest.enum_formats(buf_type)) == formats
    assert guest.get_format(buf_type) == host.get_format(buf_type)
    # vivid has the same sizes for every format of a queue: one queue is looked through whole.
    for entry in formats if buf_type == CAPTURE else formats[::8]:
        sizes = list(host.frame_sizes(entry.pixelformat))
        assert list(guest.frame_sizes(entry.pixelformat)) == sizes
    first = formats[0].pixelformat
    for size in list(host.frame_sizes(first)):
        asked = (first, size.max_width, size.max_height)
        assert list(guest.frame_intervals(*asked)) == list(host.frame_intervals(*asked))


@pytest.mark.parametrize("name", ["vivid-000-vid-cap", "vivid-001-vid-out"])
def test_every_control_and_its_menu(both: Both, name: str) -> None:
    guest, host = both(name)
    controls = list(host.controls())
    assert len(controls) > 10
    assert list(guest.controls()) == controls
    readable = [info for info in controls if not info.flags & CtrlFlag.WRITE_ONLY]
    compared = 0
    for info in readable:
        if info.type == 6:  # a class has no value
            continue
        assert guest.get_control(info) == host.get_control(info), info.name
        compared += 1
    assert compared > 5


@pytest.mark.parametrize("name", ["vivid-000-vid-out", "vivid-001-vid-cap"])
def test_every_plain_ioctl_that_only_asks(both: Both, name: str) -> None:
    """G_, ENUM, QUERY and TRY ioctls with index, type or target 0 to 8 in the first word."""
    guest, host = both(name)
    asked = answered = 0
    for row in IOCTLS.values():
        verb = row.short_name.split("_")[0]
        asks = verb in {"G", "QUERYSTD", "QUERYMENU", "TRY", "CROPCAP"} or verb.startswith("ENUM")
        if not asks or row.shape is not Shape.PLAIN or row.sent is not Sent.FORWARDED:
            continue
        for first in range(9):
            if row.direction is Direction.R and first:
                break
            payload = structs.U32.pack(first).ljust(row.size, b"\0")
            if row.direction is Direction.R:
                payload = b""
            expected = answer(host, row.name, payload)
            if row.name in {"VIDIOC_G_FMT", "VIDIOC_TRY_FMT"} and first in {3, 8}:
                expected = EINVAL
            assert answer(guest, row.name, payload) == expected, (row.name, first)
            asked += 1
            answered += isinstance(expected, bytes)
    assert asked > 100
    assert answered > 10


@pytest.mark.parametrize(("name", "buf_type"), QUEUES)
def test_inputs_outputs_and_selections(both: Both, name: str, buf_type: int) -> None:
    guest, host = both(name)
    assert list(guest.inputs()) == list(host.inputs())
    assert list(guest.outputs()) == list(host.outputs())
    single = {CAPTURE_MPLANE: CAPTURE, OUTPUT_MPLANE: OUTPUT}.get(buf_type, buf_type)
    found = 0
    for target in SelTarget:
        asked = structs.SELECTION.pack(single, target, 0, 0, 0, 0, 0)
        expected = answer(host, "G_SELECTION", asked)
        assert answer(guest, "G_SELECTION", asked) == expected
        found += isinstance(expected, bytes)


def test_what_is_set_is_what_the_host_then_has(both: Both) -> None:
    guest, host = both("vivid-000-vid-cap")
    brightness = next(info for info in host.controls() if info.name == "Brightness")
    guest.set_control(brightness, 42)
    assert host.get_control(brightness) == 42
    fmt = next(f for f in host.enum_formats(CAPTURE) if f.description.startswith("YVYU"))
    wanted = guest.get_format(CAPTURE)
    chosen = guest.set_format(
        type(wanted)(CAPTURE, 640, 360, fmt.pixelformat, planes=wanted.planes)
    )
    assert host.get_format(CAPTURE) == chosen
    for index, entry in enumerate(host.inputs()):
        guest.set_input(index)
        assert host.get_input() == guest.get_input() == index, entry.name
        standard = answer(host, "G_STD", b"")
        assert answer(guest, "G_STD", b"") == standard
        timings = answer(host, "G_DV_TIMINGS", b"")
        assert answer(guest, "G_DV_TIMINGS", b"") == timings
    guest.set_input(0)


def test_blocks_of_control_values_are_carried_both_ways(both: Both) -> None:
    guest, host = both("vivid-000-vid-cap")
    blocks = [info for info in host.controls(menus=False) if info.has_payload]
    assert len(blocks) >= 4
    for info in blocks:
        value = host.get_control(info)
        if isinstance(value, bytes) and not info.flags & CtrlFlag.READ_ONLY:
            changed = bytes(value[:-1]) + bytes([value[-1] ^ 1])
            assert guest.set_control(info, changed) == host.get_control(info), info.name
            host.set_control(info, value)
    text = next(info for info in blocks if info.type == 7)
    word = "x" * info_minimum(text.minimum, text.step)
    guest.set_control(text, word)
    assert host.get_control(text) == word


def info_minimum(minimum: int, step: int) -> int:
    """A length that a string control takes."""
    return minimum + step


def test_refusals_have_the_kernels_errno_and_error_index(both: Both) -> None:
    guest, host = both("vivid-000-vid-cap")
    item = structs.EXT_CONTROL
    brightness = next(info for info in host.controls() if info.name == "Brightness")
    asked = structs.EXT_CONTROLS.pack(0, 2, 0, 0, 0) + item.pack(brightness.id, 0, 1)
    asked += item.pack(0x00980999, 0, 1)
    for request in ("S_EXT_CTRLS", "TRY_EXT_CTRLS", "G_EXT_CTRLS"):
        seen = []
        for side in (guest, host):
            with pytest.raises(GuestIoctlError) as refused:
                side.ioctl(request, asked)
            index = structs.EXT_CONTROLS.unpack_from(refused.value.payload)[2]
            seen.append((refused.value.errno, index))
        assert seen[0] == seen[1], request
    assert answer(guest, "S_INPUT", structs.U32.pack(99)) == EINVAL
    assert answer(guest, "G_FBUF", b"") == ENOTTY
    assert answer(guest, "LOG_STATUS", b"") == ENOTTY


def test_the_config_space_has_the_devices_name_and_what_a_guest_can_use(connect: Connect) -> None:
    session = connect("vivid-000-vid-cap")
    caps, device_type, card = media.CONFIG.unpack(session.driver.vmm.config)
    assert card.rstrip(b"\0") == b"vivid"
    assert device_type == 0
    assert caps & Cap.VIDEO_CAPTURE
    assert caps & Cap.STREAMING
    assert not caps & (Cap.READWRITE | Cap.VIDEO_OVERLAY | Cap.EDID)
