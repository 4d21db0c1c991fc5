"""
Building blocks of the declared layouts: construct's fields, with values spelled for people.

``construct`` has no types, so everything it makes is ``Any``; the functions of this package that
others call take bytes and return plain data. A spelled value parses to :class:`Spelled`, a string
that remembers its number, and builds from that, from the text or from a number.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Self

import construct

from vmedia_bench.wire import errno_names
from vmedia_bench.wire.controls import Cid, cid_name
from vmedia_bench.wire.layouts.text import decode_text, encode_text
from vmedia_bench.wire.v4l2 import CtrlFlag, fourcc, fourcc_name

Con = Any
"""Whatever ``construct`` makes."""


class Spelled(str):
    """A number spelled for people; ``number`` is the number."""

    __slots__ = ("number",)
    number: int

    def __new__(cls, text: str, number: int) -> Self:
        """Spell ``number`` as ``text``."""
        made = super().__new__(cls, text)
        made.number = number
        return made


def _typed(con: Con, c_type: str) -> Con:
    con.c_type = c_type
    return con


def scalar(con: Con, c_type: str) -> Con:
    """Return a copy of a construct integer that documents itself as ``c_type``."""
    return _typed(copy(con), c_type)


u8: Con = scalar(construct.Int8ul, "u8")
u16: Con = scalar(construct.Int16ul, "u16")
u32: Con = scalar(construct.Int32ul, "u32")
u64: Con = scalar(construct.Int64ul, "u64")
s32: Con = scalar(construct.Int32sl, "s32")
s64: Con = scalar(construct.Int64sl, "s64")


def spelled(base: Con, spell: Callable[[int], str], number: Callable[[str], int], what: str) -> Con:
    """Return ``base`` with its values spelled by ``spell`` and read back by ``number``."""

    def decode(value: int, _context: Any) -> Spelled:
        return Spelled(spell(value), value)

    def encode(value: Any, _context: Any) -> int:
        if isinstance(value, Spelled):
            return value.number
        return value if isinstance(value, int) else number(value)

    return _typed(construct.ExprAdapter(base, decode, encode), f"{base.c_type} {what}")


def enum(*kinds: type[IntEnum], base: Con = u32) -> Con:
    """Return an integer spelled by the members of ``kinds``; an unknown one stays a number."""
    names = {int(member): member.name.lstrip("_") for kind in kinds for member in kind}
    aliases = {
        name.lstrip("_"): int(member) for kind in kinds for name, member in kind.__members__.items()
    }
    return named(names, base, " or ".join(kind.__name__ for kind in kinds), aliases)


def named(
    names: Mapping[int, str], base: Con, what: str, aliases: Mapping[str, int] | None = None
) -> Con:
    """Return an integer spelled by ``names``, its attribute; an unknown one stays a number."""
    numbers = {name: number for number, name in names.items()} | dict(aliases or {})

    def spell(value: int) -> str:
        # The name "709" is not the number 709.
        digits = str(value)
        return names.get(value, hex(value) if digits in numbers else digits)

    def number(text: str) -> int:
        return numbers[text] if text in numbers else int(text, 0)

    con = spelled(base, spell, number, what)
    con.names = dict(names)
    return con


def flags(kind: type[IntFlag], base: Con = u32) -> Con:
    """Return a bit set spelled ``A|B|0x80``, ``0`` when empty, single bits only."""
    bits = [
        (int(member), name.lstrip("_"))
        for name, member in kind.__members__.items()
        if int(member).bit_count() == 1
    ]
    return bit_set(bits, base, kind.__name__)


def bit_set(bits: list[tuple[int, str]], base: Con, what: str) -> Con:
    """Return an integer spelled by the (mask, name) pairs of ``bits``, its attribute, in order."""
    numbers = {name: mask for mask, name in bits}

    def spell(value: int) -> str:
        found, rest = [], value
        for mask, name in bits:
            if rest & mask:
                found.append(name)
                rest &= ~mask
        if rest:
            found.append(hex(rest))
        return "|".join(found) or "0"

    def number(text: str) -> int:
        value = 0
        for part in text.split("|"):
            value |= numbers[part] if part in numbers else int(part, 0)
        return value

    con = spelled(base, spell, number, what)
    con.bits = list(bits)
    return con


def _fourcc_number(text: str) -> int:
    return int(text, 16) if len(text) == 10 else fourcc(text)


fourcc_field: Con = spelled(u32, fourcc_name, _fourcc_number, "fourcc")
pointer: Con = spelled(u64, hex, lambda text: int(text, 0), "pointer")
status: Con = named({0: "OK", **errno_names.NAMES}, u32, "errno", errno_names.NUMBERS)

_NEXT = (
    (int(CtrlFlag.NEXT_CTRL), "NEXT_CTRL"),
    (int(CtrlFlag.NEXT_COMPOUND), "NEXT_COMPOUND"),
)


def _spell_cid(value: int) -> str:
    if value == 0:
        return "0"
    parts = []
    for mask, name in _NEXT:
        if value & mask:
            parts.append(name)
            value &= ~mask
    if value:
        parts.append(cid_name(value))
    return "|".join(parts)


def _cid_number(text: str) -> int:
    known = {name: mask for mask, name in _NEXT}
    value = 0
    for part in text.split("|"):
        name = part if part in Cid.__members__ else f"_{part}"
        value |= known.get(part) or (Cid[name].value if name in Cid.__members__ else int(part, 16))
    return value


cid: Con = spelled(u32, _spell_cid, _cid_number, "control ID")


def text(size: int) -> Con:
    """Return ``char[size]`` as text: no trailing NULs, everything unprintable escaped."""
    return _typed(
        construct.ExprAdapter(
            construct.Bytes(size),
            lambda value, _context: decode_text(value),
            lambda value, _context: encode_text(value).ljust(size, b"\0")[:size],
        ),
        f"char[{size}]",
    )


def raw(size: int) -> Con:
    """Return ``u8[size]`` as hexadecimal without its trailing zero bytes."""
    return _typed(
        construct.ExprAdapter(
            construct.Bytes(size),
            lambda value, _context: value.rstrip(b"\0").hex(),
            lambda value, _context: bytes.fromhex(value).ljust(size, b"\0"),
        ),
        f"u8[{size}]",
    )


def reserved(size: int) -> Con:
    """Return reserved bytes: None when zero, else hexadecimal; always built as zeros."""
    return _typed(
        construct.Default(
            construct.ExprAdapter(
                construct.Bytes(size),
                lambda value, _context: value.hex() if any(value) else None,
                lambda _value, _context: bytes(size),
            ),
            None,
        ),
        f"u8[{size}] reserved",
    )


def hole(size: int) -> Con:
    """Return the padding that C's alignment puts between fields; what it holds is not shown."""
    return construct.Padding(size)


def array(count: int, element: Con) -> Con:
    """Return ``element[count]``."""
    return _typed(construct.Array(count, element), f"{element.c_type}[{count}]")


def struct(c_name: str, *members: Con) -> Con:
    """Return the layout of ``struct c_name``; members in C's order, holes written out."""
    return _typed(construct.Struct(*members), c_name)


def union(
    size: int, selector: Callable[[Any], int | None], cases: Mapping[int, Con], default: Con
) -> Con:
    """
    Return a union of ``size`` bytes read as the case that ``selector`` (of the context) names.

    Each case is a named field, and so is ``default``, which is read where no case fits.
    """
    chosen = {key: construct.Struct(case) for key, case in cases.items()}
    con = construct.FixedSized(
        size, construct.Switch(selector, chosen, default=construct.Struct(default))
    )
    con.members = [*{case.name: case for case in (*cases.values(), default)}.values()]
    return _typed(con, "union")


def by(name: str) -> Callable[[Any], int | None]:
    """Return a selector: the number of the sibling field ``name``, its attribute ``sibling``."""

    def select(context: Any) -> int:
        value = context[name]
        return value.number if isinstance(value, Spelled) else int(value)

    select.sibling = name  # type: ignore[attr-defined]
    return select


ANONYMOUS = "_anonymous"
"""Name of a union that C leaves nameless; its member is shown as the structure's own field."""


def also(name: str, con: Con) -> Con:
    """Return a second reading of the field that follows, as C's unions of scalars allow."""
    return name / construct.Peek(con)


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """
    One field of a layout: byte offset and size, C type, construct's object.

    ``members`` are a union's; ``second`` says that the field re-reads the bytes of the next one.
    """

    name: str
    offset: int
    size: int
    c_type: str
    con: Con
    members: tuple[Con, ...]
    second: bool

    @property
    def reserved(self) -> bool:
        """Whether the bytes are reserved."""
        return self.c_type.endswith("reserved")


def fields_of(layout: Con) -> Iterator[FieldInfo]:
    """Yield the named fields of a layout in order, not what is inside them."""
    offset = 0
    for member in layout.subcons:
        con = member.subcon if isinstance(member, construct.Renamed) else member
        second = isinstance(con, construct.Peek)
        con = con.subcon if second else con
        size = con.sizeof()
        if member.name is not None:
            members = tuple(getattr(con, "members", ()))
            yield FieldInfo(member.name, offset, size, con.c_type, con, members, second)
        if not second:
            offset += size
