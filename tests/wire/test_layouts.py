"""The declared layouts and the fast codecs are two accounts of the same bytes."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import construct
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.wire import media, vhost_user
from vmedia_bench.wire.layouts import media as media_layouts
from vmedia_bench.wire.layouts import vhost_user as vhost_layouts
from vmedia_bench.wire.layouts.fields import Spelled, fields_of
from vmedia_bench.wire.layouts.text import decode_text, encode_text
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS
from vmedia_bench.wire.structs import CODECS
from vmedia_bench.wire.v4l2 import BufType, EventType, Memory

MEDIA = {
    "virtio_media_config": media.CONFIG,
    "virtio_media_cmd_ioctl": media.CMD_SESSION,
    "virtio_media_cmd_mmap": media.MMAP_COMMAND,
    "virtio_media_cmd_munmap": media.MUNMAP_COMMAND,
    "virtio_media_resp_header": media.RESP_HEADER,
    "virtio_media_resp_open": media.RESP_OPEN,
    "virtio_media_resp_mmap": media.RESP_MMAP,
    "virtio_media_sg_entry": media.SG_ENTRY,
    "virtio_media_event_header": media.EVENT_HEADER,
    "virtio_media_event_error": media.EVENT_ERROR,
}
VHOST = {
    "header": vhost_user.HEADER,
    "u64": vhost_user.U64,
    "vring state": vhost_user.VRING_STATE,
    "vring address": vhost_user.VRING_ADDR,
    "memory region": vhost_user.MEM_REGION,
    "device configuration": vhost_user.CONFIG,
    "shared memory mapping": vhost_user.SHMEM_MMAP,
}
PAIRS = [
    *((name, LAYOUTS[name], CODECS[name]) for name in sorted(LAYOUTS)),
    *((name, media_layouts.LAYOUTS[name], codec) for name, codec in MEDIA.items()),
    *((name, vhost_layouts.LAYOUTS[name], codec) for name, codec in VHOST.items()),
]
SELECTORS = [int(member) for kind in (BufType, EventType, Memory) for member in kind]

pairs = pytest.mark.parametrize(
    ("layout", "codec"), [pytest.param(pair[1], pair[2], id=pair[0]) for pair in PAIRS]
)


@st.composite
def images(draw: st.DrawFn, size: int) -> bytes:
    """Random bytes; often with a first word that picks a member of a union."""
    seed = draw(st.randoms(use_true_random=False))
    data = bytearray(seed.randbytes(size))
    if size >= 8 and draw(st.booleans()):
        data[0:4] = draw(st.sampled_from(SELECTORS)).to_bytes(4, "little")
        data[4:8] = draw(st.sampled_from(SELECTORS)).to_bytes(4, "little")
    return bytes(data)


def leaves(layout: Any, parsed: Any, base: int = 0) -> Iterator[tuple[int, bytes, Any, Any]]:
    """Yield (offset, bytes, construct's field, value) of everything but reserved bytes."""
    for found in fields_of(layout):
        if not (found.second or found.reserved):
            yield from _leaves_of(found.con, parsed[found.name], base + found.offset)


def _leaves_of(con: Any, value: Any, at: int) -> Iterator[tuple[int, bytes, Any, Any]]:
    if isinstance(con, construct.Struct):
        yield from leaves(con, value, at)
    elif isinstance(con, construct.Array):
        step = con.subcon.sizeof()
        for index, element in enumerate(value):
            yield from _leaves_of(con.subcon, element, at + index * step)
    elif hasattr(con, "members"):
        (chosen,) = (member for member in con.members if member.name in value)
        yield from _leaves_of(chosen.subcon, value[chosen.name], at)
    else:
        yield at, con.build(value), con, value


@pairs
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_codec_reads_what_the_layout_reads(
    layout: Any, codec: struct.Struct, data: st.DataObject, spans: Callable[[str], Any]
) -> None:
    image = data.draw(images(codec.size))
    read = dict.fromkeys(range(codec.size), -1)
    numbers = {}
    for (offset, size, is_number), value in zip(
        spans(codec.format), codec.unpack(image), strict=True
    ):
        packed = value.to_bytes(size, "little", signed=value < 0) if is_number else value
        read.update(zip(range(offset, offset + size), packed, strict=True))
        numbers[offset, size] = value
    for offset, shown, con, value in leaves(layout, layout.parse(image)):
        assert [read[at] for at in range(offset, offset + len(shown))] == list(shown)
        # A pointer may share its bytes with a signed number: those were compared already.
        if not con.c_type.endswith("pointer"):
            number = value.number if isinstance(value, Spelled) else value
            assert numbers.get((offset, len(shown)), number) == number or isinstance(number, str)


@pairs
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_building_what_was_parsed_gives_the_bytes_with_the_reserved_ones_zeroed(
    layout: Any, codec: struct.Struct, data: st.DataObject
) -> None:
    image = data.draw(images(codec.size))
    parsed = layout.parse(image)
    expected = bytearray(codec.size)
    for offset, shown, _, _ in leaves(layout, parsed):
        expected[offset : offset + len(shown)] = image[offset : offset + len(shown)]
    assert layout.build(parsed) == bytes(expected)
    assert layout.build(layout.parse(bytes(expected))) == bytes(expected)


@pairs
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_spelling_can_be_read_back(
    layout: Any, codec: struct.Struct, data: st.DataObject
) -> None:
    image = data.draw(images(codec.size))
    for _, shown, con, value in leaves(layout, layout.parse(image)):
        if isinstance(value, Spelled):
            assert con.build(str(value)) == shown, value
            assert con.build(value.number) == shown


@pytest.mark.parametrize("kind", [con.c_type for con in LAYOUTS.values()])
def test_known_numbers_have_names_that_read_back(kind: str) -> None:
    layout = LAYOUTS[kind]
    for found in fields_of(layout):
        if found.c_type.startswith("u32 ") and not found.members:
            for number in (0, 1, 2, 3, 9, 0x100, 0x980900, 601, 709, 2**32 - 1):
                spelled = found.con.parse(number.to_bytes(4, "little"))
                assert found.con.build(str(spelled)) == number.to_bytes(4, "little")


@given(st.binary(max_size=60))
def test_text_loses_nothing_but_the_padding(value: bytes) -> None:
    shown = decode_text(value)
    assert shown.isprintable()
    assert encode_text(shown) == value.rstrip(b"\0")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"Camera\0\0", "Camera"),
        ("Kamera für Gäste".encode(), "Kamera für Gäste"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"a\\b\xff", r"a\\b\xff"),
        (b"\0late", r"\x00late"),
    ],
)
def test_text_is_safe_on_a_terminal(value: bytes, shown: str) -> None:
    assert decode_text(value) == shown


def test_every_codec_has_a_layout_and_every_layout_a_codec() -> None:
    scalars = {"int", "__u32", "v4l2_std_id"}
    assert set(LAYOUTS) == set(CODECS) - scalars


def test_reserved_bytes_are_shown_only_when_set() -> None:
    layout = LAYOUTS["v4l2_control"]
    assert "reserved" not in [found.name for found in fields_of(layout)]
    subscription = LAYOUTS["v4l2_event_subscription"]
    assert subscription.parse(bytes(32)).reserved is None
    assert subscription.parse(bytes(31) + b"\x01").reserved == "00" * 19 + "01"
