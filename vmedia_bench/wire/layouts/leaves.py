"""
Layouts as flat lists of leaves, each with its place: for who looks at single fields.

A leaf is a field that holds no others. The names of nameless unions and of the header `hdr` are
left out of paths, as C and the specification do.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import construct

from vmedia_bench.wire.layouts.fields import ANONYMOUS, Con, FieldInfo, Spelled, fields_of
from vmedia_bench.wire.layouts.v4l2_control import EXT_CONTROL

_FLATTENED: Final = (ANONYMOUS, "hdr")

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """One field with its value: a number, or text where it is characters or raw bytes."""

    path: Path
    offset: int
    size: int
    text: str
    value: int | str
    c_type: str
    """`u32 BufType`, `char[32]` ...: the C type, and what its values are."""


class Place(NamedTuple):
    """Where a field may be."""

    path: Path
    offset: int
    size: int
    con: Con


class Name:
    """A field as a person writes it: `index`, `request.index`, `planes.1.length`.

    It stands for every path that ends in its last part and has the others before it in that
    order.
    """

    __slots__ = ("last", "parts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = tuple(text.split("."))
        self.last = self.parts[-1]

    def matches(self, path: Path) -> bool:
        """Whether the path is one of those."""
        if path[-1] != self.last:
            return False
        rest = iter(path)
        return all(part in rest for part in self.parts)


@cache
def members(layout: Con) -> tuple[FieldInfo, ...]:
    """The fields of a structure; looking them up costs more than reading them."""
    return tuple(fields_of(layout))


@cache
def names(layout: Con) -> frozenset[str]:
    """The last part of every path that the structure may have."""
    return frozenset(place.path[-1] for place in places(layout))


@cache
def size_of(con: Con) -> int:
    """Bytes of a structure or field."""
    size: int = con.sizeof()
    return size


@cache
def _inside(layout: Con) -> tuple[tuple[FieldInfo, frozenset[str]], ...]:
    """The fields of a structure, each with the last part of every path that it may have."""
    return tuple(
        (field, frozenset(place.path[-1] for place in _places(field.con, 0, (field.name,))))
        for field in members(layout)
    )


def places(layout: Con, base: int = 0, path: Path = ()) -> Iterator[Place]:
    """Every leaf that a structure may have, all cases of its unions included."""
    for field in members(layout):
        inner = path if field.name in _FLATTENED else (*path, field.name)
        yield from _places(field.con, base + field.offset, inner)


def _places(con: Con, offset: int, path: Path) -> Iterator[Place]:
    if is_struct(con):
        yield from places(con, offset, path)
    elif is_array(con):
        size = size_of(con.subcon)
        for index in range(con.count):
            yield from _places(con.subcon, offset + index * size, (*path, str(index)))
    elif is_union(con):
        for member in con.members:
            yield from _places(member.subcon, offset, (*path, member.name))
    else:
        yield Place(path, offset, size_of(con), con)


def is_struct(con: Con) -> bool:
    """Whether a field is a structure."""
    return isinstance(con, construct.Struct)


def is_array(con: Con) -> bool:
    """Whether a field is an array; `con.count` times `con.subcon`."""
    return isinstance(con, construct.Array)


def is_union(con: Con) -> bool:
    """Whether a field of a structure is a union."""
    return isinstance(con, construct.FixedSized)


def build(con: Con, value: int | str) -> bytes:
    """The bytes of one field that holds a number or what spells it; raises ValueError."""
    try:
        built: bytes = con.build(value)
    except (KeyError, TypeError, AttributeError, construct.ConstructError) as error:
        raise ValueError(f"{value!r} is not a value of this field") from error
    return built


def leaves(
    layout: Con, data: bytes, path: Path = (), *, only: Name | None = None, **params: int
) -> Iterator[Leaf]:
    """
    The leaves of a structure in `data`, which is at least as long as it; offsets from its start.

    Reserved bytes that are zero are left out, so are the zero elements at an array's end. `only`
    reads just the fields of that name. `params` reach the selectors of unions.
    """
    if only is None or only.last in names(layout):
        yield from _struct(layout, data, 0, path, only, params)


class _Context:
    """What a union's selector sees: the fields beside it, read when asked for."""

    __slots__ = ("_at", "_data", "_layout", "_params")

    def __init__(self, layout: Con, data: bytes, at: int, params: dict[str, int]) -> None:
        self._layout = layout
        self._data = data
        self._at = at
        self._params = params

    def __getitem__(self, name: str) -> Any:
        field = next(field for field in members(self._layout) if field.name == name)
        start = self._at + field.offset
        return field.con.parse(self._data[start : start + field.size])

    def __getattr__(self, name: str) -> Any:
        return self[name]


def _struct(
    layout: Con, data: bytes, at: int, path: Path, only: Name | None, params: dict[str, int]
) -> Iterator[Leaf]:
    context = _Context(layout, data, at, params)
    pointed = layout is EXT_CONTROL and bool(context.size)
    for field, inside in _inside(layout):
        if (field.second and pointed) or (only is not None and only.last not in inside):
            continue
        con = field.con
        inner = path if field.name in _FLATTENED else (*path, field.name)
        if is_union(con):
            switch = con.subcon
            chosen = switch.cases.get(switch.keyfunc(context), switch.default).subcons[0]
            con, inner = chosen.subcon, (*inner, chosen.name)
        yield from _field(con, data, at + field.offset, inner, only, params)


def _field(
    con: Con, data: bytes, at: int, path: Path, only: Name | None, params: dict[str, int]
) -> Iterator[Leaf]:
    if is_struct(con):
        yield from _struct(con, data, at, path, only, params)
    elif is_array(con):
        size = size_of(con.subcon)
        used = data[at : at + size * con.count].rstrip(b"\0")
        for index in range(-(-len(used) // size)):
            where = (*path, str(index))
            yield from _field(con.subcon, data, at + index * size, where, only, params)
    elif only is None or only.matches(path):
        size = size_of(con)
        value = con.parse(data[at : at + size])
        if value is not None:
            plain = value.number if isinstance(value, Spelled) else value
            yield Leaf(path, at, size, str(value), plain, con.c_type)
