"""Each control changes the picture the way it says, with the next frame."""

import pytest

from tests.backends.camera import Camera, Rgb, Shot, luma, mean
from vmedia_bench.backends.pattern.controls import CID_COLOUR, CID_MOTION
from vmedia_bench.backends.pattern.options import PATTERN_TITLES, PATTERNS
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

CODES = ["NV12", "XR24", "MJPG"]
AUTOGAIN_OFF = {int(Cid.AUTOGAIN): 0}


def change(code: str, cid: int, value: int) -> tuple[Shot, Shot]:
    camera = Camera(code, pattern="gradient", controls=AUTOGAIN_OFF)
    before = camera.shoot()
    camera.source.control_changed(cid, value)
    return before, camera.shoot()


def brightness(shot: Shot) -> float:
    return mean([luma(pixel) for pixel in shot.grid()])


def spread(shot: Shot) -> float:
    lumas = [luma(pixel) for pixel in shot.grid()]
    return mean([abs(value - mean(lumas)) for value in lumas])


def colourfulness(shot: Shot) -> float:
    return mean([float(max(pixel) - min(pixel)) for pixel in shot.grid()])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("cid", [Cid.BRIGHTNESS, Cid.GAIN])
def test_brightness_and_gain_brighten(code: str, cid: int) -> None:
    before, after = change(code, cid, 180)
    assert brightness(after) > brightness(before) + 20
    before, after = change(code, cid, 30)
    assert brightness(after) < brightness(before) - 20


@pytest.mark.parametrize("code", CODES)
def test_contrast_spreads_luma(code: str) -> None:
    before, more = change(code, Cid.CONTRAST, 200)
    _, half = change(code, Cid.CONTRAST, 64)
    _, none = change(code, Cid.CONTRAST, 0)
    # White and black stay where they are, so there is less to gain than to lose.
    assert spread(more) > spread(before) + 5
    assert 0.45 < spread(half) / spread(before) < 0.55
    assert spread(none) < 2


@pytest.mark.parametrize("code", CODES)
def test_saturation_takes_colour_away_and_adds_it(code: str) -> None:
    camera = Camera(code, pattern="solid", colour=0x806070)
    plain = colourfulness(camera.shoot())
    camera.source.control_changed(Cid.SATURATION, 255)
    assert colourfulness(camera.shoot()) > plain * 1.7
    camera.source.control_changed(Cid.SATURATION, 0)
    assert colourfulness(camera.shoot()) <= 2


@pytest.mark.parametrize("code", CODES)
def test_hue_turns_colours_into_their_opposite(code: str) -> None:
    camera = Camera(code, pattern="solid", colour=0x905070)
    red, green, blue = camera.shoot().pixel(160, 200)
    camera.source.control_changed(Cid.HUE, 180)
    turned = camera.shoot().pixel(160, 200)
    assert red > green
    assert turned[0] < turned[1]
    assert abs(luma(turned) - luma((red, green, blue))) < 3


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("pattern", ["smpte", "gradient", "box"])
def test_flips_mirror_the_picture(code: str, pattern: str) -> None:
    def picture(**flips: int) -> Shot:
        controls = {int(Cid[name.upper()]): value for name, value in flips.items()}
        return Camera(code, pattern=pattern, text=False, controls=controls).shoot(7)

    plain, across, over = picture(), picture(hflip=1), picture(vflip=1)
    for x, y in ((20, 20), (100, 70), (300, 222), (161, 119), (16, 4)):
        assert near(plain.pixel(x, y), across.pixel(319 - x, y))
        assert near(plain.pixel(x, y), over.pixel(x, 239 - y))


def near(one: Rgb, other: Rgb) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("code", CODES)
def test_the_menu_switches_the_pattern(code: str) -> None:
    camera = Camera(code, text=False)
    seen = set()
    for index in range(len(PATTERNS)):
        camera.source.control_changed(Cid.TEST_PATTERN, index)
        seen.add(b"".join(camera.shoot(3).bytes()))
    assert len(seen) == len(PATTERNS)


@pytest.mark.parametrize("code", CODES)
def test_the_solid_colour_is_the_one_set(code: str) -> None:
    camera = Camera(code, pattern="solid", controls={CID_COLOUR: 0x2080C0})
    assert near(camera.shoot().pixel(100, 100), (0x20, 0x80, 0xC0))


def test_the_caption_is_not_touched_by_picture_controls() -> None:
    camera = Camera("GREY", controls={Cid.BRIGHTNESS: 0, Cid.CONTRAST: 20})
    assert camera.shoot(8).caption() == " 00000008 000000.000 "


def test_autogain_owns_the_gain() -> None:
    camera = Camera("GREY", pattern="ramp")
    before = camera.shoot().bytes()
    camera.source.control_changed(Cid.GAIN, 200)
    assert camera.shoot().bytes() == before
    camera.source.control_changed(Cid.AUTOGAIN, 0)
    assert camera.shoot().bytes() != before


def test_the_automatic_gain_wavers_around_unity() -> None:
    camera = Camera("GREY", (160, 120))
    read = []
    for sequence in range(0, 1024, 8):
        camera.shoot(sequence)
        read.append(camera.source.read_control(Cid.GAIN))
    assert read[0] == 64
    assert (min(map(int, read)), max(map(int, read))) == (48, 80)


def test_declarations_are_what_a_guest_expects() -> None:
    specs = {spec.cid: spec for spec in Camera(pattern="noise", motion=4).source.controls}
    gain, autogain = specs[Cid.GAIN], specs[Cid.AUTOGAIN]
    assert gain.flags & CtrlFlag.VOLATILE
    assert (gain.master, autogain.manual_value) == (Cid.AUTOGAIN, 0)
    assert autogain.flags & CtrlFlag.UPDATE
    pattern = specs[Cid.TEST_PATTERN]
    assert pattern.type == CtrlType.MENU
    assert pattern.items == PATTERN_TITLES
    assert pattern.default == PATTERNS.index("noise")
    assert specs[CID_MOTION].default == 4


def test_a_control_set_before_streaming_holds() -> None:
    camera = Camera("GREY", pattern="solid", colour=0xFFFFFF)
    camera.source.stop(camera.format.type)
    camera.source.control_changed(CID_COLOUR, 0)
    camera.source.start(camera.format, camera.source.default_interval())
    assert camera.shoot().pixel(100, 100) == (0, 0, 0)
