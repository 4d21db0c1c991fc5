"""Inputs and outputs: ENUM, G and S."""

from errno import EBUSY, EINVAL, ENOTTY

import pytest

from tests.v4l2.rig import OUTPUT, YUYV_DESC, Camera, Guest, Rig, refused
from vmedia_bench.v4l2.source import Input, Output
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import INPUT, U32
from vmedia_bench.wire.structs import OUTPUT as OUTPUT_CODEC
from vmedia_bench.wire.v4l2 import InputStatus, InputType, OutputType

IN = (ioctls.VIDIOC_ENUMINPUT, ioctls.VIDIOC_G_INPUT, ioctls.VIDIOC_S_INPUT)
OUT = (ioctls.VIDIOC_ENUMOUTPUT, ioctls.VIDIOC_G_OUTPUT, ioctls.VIDIOC_S_OUTPUT)


@pytest.fixture
def camera() -> Camera:
    source = Camera()
    source.inputs = (Input("Front"), Input("Back", status=int(InputStatus.NO_SIGNAL)))
    return source


@pytest.fixture
def guest(camera: Camera) -> Guest:
    return Rig(camera).open()


def current(guest: Guest) -> int:
    return int(U32.unpack(guest.ioctl(ioctls.VIDIOC_G_INPUT, bytes(4)))[0])


def select(guest: Guest, index: int) -> None:
    answer = guest.ioctl(ioctls.VIDIOC_S_INPUT, U32.pack(index))
    assert U32.unpack(answer) == (index,)


def test_inputs_are_enumerated(guest: Guest) -> None:
    arg = (1).to_bytes(4, "little") + b"\xff" * 76
    answer = guest.ioctl(ioctls.VIDIOC_ENUMINPUT, arg)
    index, name, kind, audioset, tuner, std, status, capabilities = INPUT.unpack(answer)
    assert (index, name.rstrip(b"\0"), kind) == (1, b"Back", InputType.CAMERA)
    assert (audioset, tuner, std, capabilities) == (0, 0, 0, 0)
    assert status == InputStatus.NO_SIGNAL
    assert answer[64:] == bytes(16)


def test_the_first_input_is_selected_first(guest: Guest) -> None:
    assert current(guest) == 0


def test_selecting_an_input_holds_for_every_session(guest: Guest, camera: Camera) -> None:
    select(guest, 1)
    assert current(guest.rig.open()) == 1
    assert camera.calls[-1] == ("input", 1)


def test_an_input_past_the_end_is_einval(guest: Guest) -> None:
    with refused(EINVAL):
        guest.ioctl(ioctls.VIDIOC_ENUMINPUT, U32.pack(2) + bytes(76))
    with refused(EINVAL):
        select(guest, 2)


def test_only_another_input_is_ebusy_while_buffers_exist(guest: Guest) -> None:
    guest.reqbufs(1)
    select(guest, 0)
    with refused(EBUSY):
        select(guest, 1)


def test_a_camera_has_no_outputs_and_a_display_no_inputs(guest: Guest) -> None:
    display = Rig(Camera(YUYV_DESC, buf_type=OUTPUT)).open()
    for session, absent in ((guest, OUT), (display, IN)):
        for number in absent:
            with refused(ENOTTY):
                session.ioctl(number, bytes(ioctls.IOCTLS[number].size))


def test_a_source_may_have_no_inputs_at_all(camera: Camera) -> None:
    camera.inputs = ()
    guest = Rig(camera).open()
    for number in IN:
        with refused(ENOTTY):
            guest.ioctl(number, bytes(ioctls.IOCTLS[number].size))


def test_outputs_work_the_same() -> None:
    source = Camera(YUYV_DESC, buf_type=OUTPUT)
    source.outputs = (Output("Left"), Output("Right"))
    guest = Rig(source).open()
    answer = guest.ioctl(ioctls.VIDIOC_ENUMOUTPUT, U32.pack(1) + b"\xff" * 68)
    index, name, kind, *rest = OUTPUT_CODEC.unpack(answer)
    assert (index, name.rstrip(b"\0"), kind, rest) == (1, b"Right", OutputType.ANALOG, [0] * 4)
    guest.ioctl(ioctls.VIDIOC_S_OUTPUT, U32.pack(1))
    assert U32.unpack(guest.ioctl(ioctls.VIDIOC_G_OUTPUT, bytes(4))) == (1,)
    assert source.calls[-1] == ("output", 1)
    with refused(EINVAL):
        guest.ioctl(ioctls.VIDIOC_S_OUTPUT, U32.pack(2))
    guest.reqbufs(1)
    with refused(EBUSY):
        guest.ioctl(ioctls.VIDIOC_S_OUTPUT, U32.pack(0))
