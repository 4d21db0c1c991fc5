"""What may be declared as a control, and what is refused before a guest can meet it."""

import pytest

from vmedia_bench.v4l2.control_spec import ControlSpec, auto_cluster, cluster
from vmedia_bench.v4l2.controls import ControlHandler
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.v4l2 import CtrlFlag, CtrlType

PRIVATE = 0x00981900


def test_a_standard_control_takes_the_kernels_name() -> None:
    assert ControlSpec.boolean(Cid.AUTOGAIN).name == "Gain, Automatic"
    assert ControlSpec.integer(Cid.GAIN, 0, 9, name="Loudness").name == "Loudness"


def test_a_control_the_kernel_does_not_know_needs_a_name() -> None:
    with pytest.raises(ValueError, match="give a name"):
        ControlSpec.integer(PRIVATE, 0, 1)


def test_standard_flags_come_by_themselves() -> None:
    assert ControlSpec.integer(Cid.BRIGHTNESS, 0, 9).flags == CtrlFlag.SLIDER
    assert ControlSpec.menu(Cid.BRIGHTNESS, ["dark", "bright"]).flags == 0
    move = ControlSpec.integer(Cid.PAN_RELATIVE, -9, 9)
    assert move.flags == CtrlFlag.WRITE_ONLY | CtrlFlag.EXECUTE_ON_WRITE


@pytest.mark.parametrize("name", ["", "x" * 32, "tab\t", "grün"])
def test_a_name_is_1_to_31_printable_ascii_characters(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        ControlSpec.boolean(Cid.HFLIP, name=name)


@pytest.mark.parametrize("cid", [0, 0x900, 0x00980001, 0x009808FF, 0x08000000, 1 << 40])
def test_an_id_is_a_number_of_0x900_and_up_in_a_class(cid: int) -> None:
    with pytest.raises(ValueError, match="ID"):
        ControlSpec.boolean(cid, name="x")


@pytest.mark.parametrize(
    ("minimum", "maximum", "step", "default"),
    [(1, 0, 1, 0), (0, 9, 0, 0), (0, 9, 10, 0), (0, 9, 1, 10), (0, 1 << 31, 1, 0)],
)
def test_a_number_has_a_sound_range(minimum: int, maximum: int, step: int, default: int) -> None:
    with pytest.raises(ValueError, match=r"range|step|default"):
        ControlSpec.integer(Cid.GAIN, minimum, maximum, step, default)


def test_one_single_value_is_a_range() -> None:
    spec = ControlSpec.integer(Cid.GAIN, 5, 5, 1, 5)
    assert (spec.minimum, spec.maximum) == (5, 5)


def test_64_bit_numbers_have_64_bits() -> None:
    ControlSpec.integer64(Cid.PIXEL_RATE, -(1 << 63), (1 << 63) - 1)
    with pytest.raises(ValueError, match="not within"):
        ControlSpec.integer64(Cid.PIXEL_RATE, 0, 1 << 63)


@pytest.mark.parametrize(
    ("items", "default"),
    [([], 0), (["a", None], 1), (["a"], 1), (["", "b"], 1), (["x" * 32], 0), ([1], 0)],
)
def test_a_menu_has_items_and_its_default_is_one(items: list[str | None], default: int) -> None:
    with pytest.raises(ValueError, match=r"menu|default"):
        ControlSpec.menu(Cid.POWER_LINE_FREQUENCY, items, default)


def test_an_integer_menu_has_signed_64_bit_items() -> None:
    spec = ControlSpec.integer_menu(Cid.LINK_FREQ, [1 << 40, None, -5], 2)
    assert (spec.minimum, spec.maximum, spec.items[2]) == (0, 2, -5)
    with pytest.raises(ValueError, match="64-bit"):
        ControlSpec.integer_menu(Cid.LINK_FREQ, [1 << 63])


@pytest.mark.parametrize(("maximum", "default"), [(0, 0), (1 << 32, 0), (5, 2), (-1, 0)])
def test_a_bitmask_has_32_bits_and_a_default_within(maximum: int, default: int) -> None:
    with pytest.raises(ValueError, match=r"bitmask|default"):
        ControlSpec.bitmask(PRIVATE, maximum, default, name="Mask")


def test_a_text_starts_as_spaces_of_its_least_length() -> None:
    assert ControlSpec.string(PRIVATE, 2, 8, name="Label").default == "  "


@pytest.mark.parametrize("default", ["", "abc", "x" * 10, "a\0"])
def test_a_texts_default_keeps_its_lengths(default: str) -> None:
    with pytest.raises(ValueError, match="default"):
        ControlSpec.string(PRIVATE, 2, 8, 2, default, name="Label")


def test_a_texts_element_holds_the_terminator() -> None:
    spec = ControlSpec.string(PRIVATE, 0, 8, name="Label")
    assert (spec.elem_size, spec.elems, spec.is_pointer) == (9, 1, True)


def test_an_array_has_up_to_four_dimensions() -> None:
    spec = ControlSpec.array(
        PRIVATE, CtrlType.U16, (4, 3), minimum=0, maximum=0x3FFF, name="Matrix"
    )
    assert (spec.elem_size, spec.elems, spec.is_array) == (2, 12, True)
    for dims in ((1, 1, 1, 1, 1), (0,), (1 << 20, 2)):
        with pytest.raises(ValueError, match=r"dimension|payload"):
            ControlSpec.array(PRIVATE, CtrlType.U8, dims, minimum=0, maximum=9, name="Big")


def test_buttons_and_menus_are_no_arrays() -> None:
    with pytest.raises(ValueError, match="array"):
        ControlSpec(cid=PRIVATE, name="x", type=CtrlType.BUTTON, dims=(2,))


def test_only_a_class_title_can_be_neither_read_nor_written() -> None:
    with pytest.raises(ValueError, match="neither"):
        ControlSpec.button(PRIVATE, name="x", flags=CtrlFlag.READ_ONLY)
    assert ControlSpec.ctrl_class(Cid.BRIGHTNESS).cid == Cid.USER_CLASS


def test_unknown_types_are_refused() -> None:
    with pytest.raises(ValueError, match="not supported"):
        ControlSpec(cid=PRIVATE, name="x", type=CtrlType.H264_SPS)


def test_a_cluster_lists_its_leader_first_and_binds_the_others() -> None:
    gain = ControlSpec.integer(Cid.GAIN, 0, 9)
    leader, follower = auto_cluster(ControlSpec.boolean(Cid.AUTOGAIN, True), gain)
    assert (leader.manual_value, leader.flags) == (0, CtrlFlag.UPDATE)
    assert follower.master == Cid.AUTOGAIN
    assert cluster(gain)[0] is gain


def test_a_manual_value_is_one_the_leader_can_have() -> None:
    with pytest.raises(ValueError, match="manual value"):
        auto_cluster(ControlSpec.boolean(Cid.AUTOGAIN), manual_value=2)


def test_a_cluster_without_its_leader_is_refused() -> None:
    _, follower = cluster(ControlSpec.boolean(Cid.HFLIP), ControlSpec.boolean(Cid.VFLIP))
    with pytest.raises(ValueError, match="no such leader"):
        ControlHandler([follower])


def test_a_leader_that_follows_another_is_refused() -> None:
    one, two = cluster(ControlSpec.boolean(Cid.HFLIP), ControlSpec.boolean(Cid.VFLIP))
    _, three = cluster(two, ControlSpec.integer(Cid.GAIN, 0, 9))
    with pytest.raises(ValueError, match="no such leader"):
        ControlHandler([one, two, three])


def test_an_id_is_declared_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        ControlHandler([ControlSpec.boolean(Cid.HFLIP), ControlSpec.boolean(Cid.HFLIP)])
