"""
A field's name and its new value, as the trace spells them, made into a patch.

The layouts import `construct`; this module is imported only when a rule names a field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from vmedia_bench.faults.errors import RuleError
from vmedia_bench.faults.matching import Target
from vmedia_bench.faults.patch import Patch
from vmedia_bench.faults.rule import On
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.ioctls import Direction, Ioctl, Shape
from vmedia_bench.wire.layouts import media as layouts
from vmedia_bench.wire.layouts.fields import ANONYMOUS, Con, FieldInfo, fields_of
from vmedia_bench.wire.layouts.leaves import build, is_array, is_struct
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS, payload_layout
from vmedia_bench.wire.v4l2 import VIDEO_MAX_PLANES

_HEADER = media.RESP_HEADER.size
_RESPONSES = {
    media.CMD_OPEN: layouts.RESP_OPEN,
    media.CMD_MMAP: layouts.RESP_MMAP,
    media.CMD_MUNMAP: layouts.RESP_MUNMAP,
}
_FLATTENED = frozenset(("hdr", ANONYMOUS))
# Unions that the buffer type chooses from.
_BY_BUFFER_TYPE = frozenset(("fmt", "parm"))
_MAX_CONTROLS = 32
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that holds no others: its dotted name, offset and size in bytes, its layout."""

    path: str
    offset: int
    size: int
    con: Con


def field_patch(on: On, target: Target, path: str, value: str) -> Patch:
    """The bytes of one field in what `target` matches; RuleError for unknown names and values."""
    leaves = list(_event_leaves(target) if on is On.EVENT else _response_leaves(target))
    leaf = _resolve(leaves, path)
    try:
        data = _built(leaf, value)
    except ValueError as error:
        raise RuleError(f"action.value: {value!r} is not a value for {leaf.path}") from error
    return Patch(leaf.offset, data)


def _built(leaf: Leaf, value: str) -> bytes:
    is_text = leaf.con.c_type.startswith(("char[", "u8["))
    try:
        number = None if is_text else int(value, 0)
    except ValueError:
        number = None
    return build(leaf.con, value if number is None else number)


def _resolve(leaves: list[Leaf], path: str) -> Leaf:
    found = [leaf for leaf in leaves if leaf.path == path] or [
        leaf for leaf in leaves if leaf.path.endswith(f".{path}")
    ]
    places = {(leaf.offset, leaf.size): leaf for leaf in found}
    if len(places) == 1:
        return found[0]
    if places:
        raise RuleError(
            f"action.field: {path} may be {_listed([leaf.path for leaf in found])}: "
            "name it in full, or give the buffer type"
        )
    known = [leaf.path for leaf in leaves]
    near = get_close_matches(path, [*known, *(name.rpartition(".")[2] for name in known)])
    there = _listed(list(dict.fromkeys((*near, *known))))
    raise RuleError(f"action.field: there is no {path} here; there are {there}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _response_leaves(target: Target) -> Iterator[Leaf]:
    if target.command in _RESPONSES:
        yield from _leaves(_RESPONSES[target.command], "", 0, target.type)
        return
    yield from _leaves(layouts.RESP_HEADER, "", 0, None)
    if target.ioctl is not None:
        yield from _payload_leaves(target.ioctl, target.type)


def _payload_leaves(ioctl: Ioctl, buf_type: int | None) -> Iterator[Leaf]:
    if ioctl.direction not in {Direction.R, Direction.WR}:
        return
    yield from _leaves(payload_layout(ioctl), "payload.", _HEADER, buf_type)
    behind = _HEADER + ioctl.size
    if ioctl.shape is Shape.BUFFER:
        yield from _many("planes", LAYOUTS["v4l2_plane"], VIDEO_MAX_PLANES, behind)
    elif ioctl.shape is Shape.EXT_CONTROLS:
        yield from _many("controls", LAYOUTS["v4l2_ext_control"], _MAX_CONTROLS, behind)


def _event_leaves(target: Target) -> Iterator[Leaf]:
    if target.event == media.EVT_ERROR:
        yield from _leaves(layouts.EVENT_ERROR, "", 0, None)
        return
    yield from _leaves(layouts.EVENT_HEADER, "", 0, None)
    start = media.EVENT_HEADER.size
    if target.event == media.EVT_EVENT:
        yield from _leaves(LAYOUTS["v4l2_event"], "payload.", start, None)
    elif target.event == media.EVT_DQBUF:
        yield from _leaves(LAYOUTS["v4l2_buffer"], "buffer.", start, None)
        behind = start + structs.BUFFER.size
        yield from _many("planes", LAYOUTS["v4l2_plane"], VIDEO_MAX_PLANES, behind)


def _many(name: str, element: Con, count: int, start: int) -> Iterator[Leaf]:
    size = element.sizeof()
    for index in range(count):
        yield from _leaves(element, f"{name}.{index}.", start + index * size, None)


def _leaves(layout: Con, prefix: str, start: int, buf_type: int | None) -> Iterator[Leaf]:
    for field in fields_of(layout):
        if field.reserved:
            continue
        flat = field.name in _FLATTENED
        name = prefix.removesuffix(".") if flat else f"{prefix}{field.name}"
        yield from _inside(field, name, start + field.offset, buf_type)


def _inside(field: FieldInfo, name: str, start: int, buf_type: int | None) -> Iterator[Leaf]:
    con = field.con
    dotted = f"{name}." if name else ""
    if field.members:
        for case in _cases(field, buf_type):
            yield from _leaves(case, dotted, start, buf_type)
    elif is_struct(con):
        yield from _leaves(con, dotted, start, buf_type)
    elif is_array(con):
        size = con.subcon.sizeof()
        for index in range(int(con.count)):
            at = start + index * size
            if is_struct(con.subcon):
                yield from _leaves(con.subcon, f"{dotted}{index}.", at, buf_type)
            else:
                yield Leaf(f"{dotted}{index}", at, size, con.subcon)
    else:
        yield Leaf(name, start, field.size, con)


def _cases(field: FieldInfo, buf_type: int | None) -> list[Con]:
    switch = field.con.subcon
    if field.name in _BY_BUFFER_TYPE and buf_type in switch.cases:
        return [switch.cases[buf_type]]
    by_name = {case.subcons[0].name: case for case in (*switch.cases.values(), switch.default)}
    return list(by_name.values())
