"""The declarations agree with the C compiler about linux/videodev2.h."""

from collections.abc import Callable
from typing import Any

from vmedia_bench.wire.ioctls import IOCTLS, Direction
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS
from vmedia_bench.wire.structs import CODECS

SENT_AS_WR = {"VIDIOC_G_INPUT", "VIDIOC_G_OUTPUT"}
"""_IOR in the header, but the Linux driver sends their payload too."""

Record = Callable[[str, object], None]


def test_every_structure_has_the_compilers_size(
    c_view: Any, record_testsuite_property: Record
) -> None:
    layouts = {name: layout.sizeof() for name, layout in LAYOUTS.items() if name in c_view.sizes}
    codecs = {name: codec.size for name, codec in CODECS.items() if name in c_view.sizes}
    record_testsuite_property("structures compared", len(layouts))
    assert len(layouts) >= 70
    assert layouts == c_view.sizes
    assert codecs == c_view.sizes


def test_every_field_has_the_compilers_offset_size_and_sign(
    c_view: Any, expected_fields: dict[Any, Any], record_testsuite_property: Record
) -> None:
    record_testsuite_property("fields compared", len(c_view.fields))
    assert len(c_view.fields) >= 700
    assert {key: expected_fields[key] for key in c_view.fields} == c_view.fields


def test_every_number_of_a_fast_codec_is_a_field_of_c(
    c_view: Any,
    expected_fields: dict[Any, Any],
    spans: Callable[[str], Any],
    record_testsuite_property: Record,
) -> None:
    compared = 0
    unknown_to_c = {
        (key[0], place[:2]) for key, place in expected_fields.items() if key not in c_view.fields
    }
    for name in c_view.sizes:
        places = {
            place[:2] for (struct, _), place in c_view.fields.items() if struct == name
        } | _array_elements(name)
        for offset, size, is_number in spans(CODECS[name].format):
            if is_number and (name, (offset, size)) not in unknown_to_c:
                compared += 1
                assert (offset, size) in places, f"{name}: {size} bytes at {offset}"
    record_testsuite_property("numbers compared", compared)
    assert compared >= 340


def test_every_ioctl_has_its_number_direction_and_size(
    c_view: Any, record_testsuite_property: Record
) -> None:
    record_testsuite_property("ioctls compared", len(c_view.ioctls))
    assert len(c_view.ioctls) >= 82
    ours = {
        row.name: (row.number, int(_kernel_direction(row.name, row.direction)), row.size)
        for row in IOCTLS.values()
        if row.name in c_view.ioctls
    }
    assert ours == c_view.ioctls


def test_every_constant_has_the_headers_value(
    c_view: Any, expected_constants: dict[str, int], record_testsuite_property: Record
) -> None:
    record_testsuite_property("constants compared", len(c_view.constants))
    assert len(c_view.constants) >= 1050
    for name, value in c_view.constants.items():
        assert value % 2**64 in {expected_constants[name], expected_constants[name] % 2**64}, name


def _kernel_direction(name: str, direction: Direction) -> Direction:
    return Direction.R if name in SENT_AS_WR else direction


def _array_elements(name: str) -> set[tuple[int, int]]:
    """Elements of the arrays of numbers that a codec spells out."""
    return {
        "v4l2_vbi_format": {(at, 4) for at in (16, 20, 24, 28)},
        "v4l2_query_ext_ctrl": {(at, 4) for at in (88, 92, 96, 100)},
    }.get(name, set())
