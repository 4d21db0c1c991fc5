"""A frame is written once and completely, and nothing beside it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.backends.camera import RAW_CODES, Camera
from vmedia_bench.backends.pattern.controls import CID_MOTION, CID_TEXT
from vmedia_bench.backends.pattern.formats import SIZES
from vmedia_bench.backends.pattern.options import PATTERNS
from vmedia_bench.wire.controls import Cid

SMALL = [size for size in SIZES if size[0] <= 800]

CONTROLS = st.fixed_dictionaries(
    {},
    optional={
        int(Cid.BRIGHTNESS): st.integers(0, 255),
        int(Cid.CONTRAST): st.integers(0, 255),
        int(Cid.SATURATION): st.integers(0, 255),
        int(Cid.HUE): st.integers(-180, 180),
        int(Cid.AUTOGAIN): st.integers(0, 1),
        int(Cid.GAIN): st.integers(0, 255),
        int(Cid.HFLIP): st.integers(0, 1),
        int(Cid.VFLIP): st.integers(0, 1),
        CID_TEXT: st.integers(0, 1),
        CID_MOTION: st.integers(-32, 32).map(lambda half: 2 * half),
        int(Cid.TEST_PATTERN): st.integers(0, len(PATTERNS) - 1),
    },
)
SEQUENCES = st.lists(st.integers(0, (1 << 32) - 1), min_size=1, max_size=4)


@settings(max_examples=120, deadline=None)
@given(
    code=st.sampled_from([*RAW_CODES, "NM12", "YM12"]),
    size=st.sampled_from(SMALL),
    controls=CONTROLS,
    sequences=SEQUENCES,
)
def test_each_plane_gets_exactly_its_bytes(
    code: str, size: tuple[int, int], controls: dict[int, int], sequences: list[int]
) -> None:
    camera = Camera(code, size, controls, spare=4096, mplane=True)
    for sequence in sequences:
        shot = camera.shoot(sequence, sequence * 1_000_003)
        for plane, declared in zip(shot.planes, camera.format.planes, strict=True):
            end = 0
            for offset, length in sorted(plane.writes):
                assert offset == end
                end += length
            assert end == declared.sizeimage
        assert shot.filled.bytesused == tuple(p.sizeimage for p in camera.format.planes)


@settings(max_examples=40, deadline=None)
@given(size=st.sampled_from(SMALL), controls=CONTROLS, sequences=SEQUENCES)
def test_jpegs_are_written_from_the_start_without_gaps(
    size: tuple[int, int], controls: dict[int, int], sequences: list[int]
) -> None:
    camera = Camera("MJPG", size, controls)
    for sequence in sequences:
        shot = camera.shoot(sequence)
        end = 0
        for offset, length in shot.planes[0].writes:
            assert offset == end
            end += length
        assert shot.filled.bytesused == (end,)
        assert shot.jpeg().size == size


def test_the_largest_frames_are_complete_too() -> None:
    for pattern in PATTERNS:
        shot = Camera("NV12", (3840, 2160), pattern=pattern, motion=6).shoot(11)
        assert sum(length for _, length in shot.planes[0].writes) == 3840 * 2160 * 3 // 2
