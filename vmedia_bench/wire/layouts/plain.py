"""Parsed layouts as plain data, and the reading of bytes that may be short or hostile."""

from typing import Any

import construct

from vmedia_bench.wire.layouts.fields import ANONYMOUS, Con, Spelled, fields_of

Plain = dict[str, Any]
"""Nested dicts, lists, strings and integers only: what JSON can say."""


def plain(value: Any) -> Any:
    """
    Return a parsed value as plain data.

    Reserved bytes that are zero are left out, so are the zero elements at an array's end; the
    members of a nameless union and of a header ``hdr`` are shown as the structure's own.
    """
    if isinstance(value, construct.Container):
        return _plain_struct(value)
    if isinstance(value, list):
        end = len(value)
        while end and _is_zero(value[end - 1]):
            end -= 1
        return [plain(element) for element in value[:end]]
    return str(value) if isinstance(value, Spelled) else value


def _plain_struct(value: Any) -> Plain:
    shown: Plain = {}
    for name, member in value.items():
        if name == "_io" or member is None:
            continue
        if name in {ANONYMOUS, "hdr"}:
            shown |= plain(member)
        else:
            shown[name] = plain(member)
    return shown


def _is_zero(value: Any) -> bool:
    if isinstance(value, Spelled):
        return value.number == 0
    if isinstance(value, construct.Container):
        return all(_is_zero(member) for name, member in value.items() if name != "_io")
    if isinstance(value, list):
        return all(map(_is_zero, value))
    return not value


class Reader:
    """
    Reads layouts one after the other from bytes that may end early.

    ``errors`` collects what was short; nothing here raises on any input.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.errors: list[str] = []

    @property
    def left(self) -> int:
        """How many bytes are not read yet."""
        return len(self.data) - self.at

    def take(self, layout: Con, **params: int) -> Plain:
        """
        Return the next structure; the fields that are whole when the bytes end before it does.

        ``params`` reach the layout's selectors (a v4l2_plane's ``memory``).
        """
        size = layout.sizeof()
        chunk = self.data[self.at : self.at + size]
        self.at += len(chunk)
        shown: Plain = plain(layout.parse(chunk.ljust(size, b"\0"), **params))
        if len(chunk) == size:
            return shown
        self.errors.append(f"{layout.c_type} has {size} bytes, {len(chunk)} are here")
        return _whole_fields(layout, shown, len(chunk))

    def finish(self, shown: Plain) -> Plain:
        """Add ``_rest`` (hexadecimal) for bytes left over and ``_error`` for what was short."""
        if self.left:
            shown["_rest"] = self.data[self.at :].hex()
        if self.errors:
            shown["_error"] = "; ".join(self.errors)
        return shown


def _whole_fields(layout: Con, shown: Plain, length: int) -> Plain:
    kept: Plain = {}
    for field in fields_of(layout):
        inside = length - field.offset
        if field.name in {ANONYMOUS, "hdr"}:
            names = [member.name for member in field.members] or [
                inner.name for inner in fields_of(field.con) if inner.offset + inner.size <= inside
            ]
            whole = field.size <= inside or not field.members
            kept |= {name: shown[name] for name in names if whole and name in shown}
        elif field.size <= inside and field.name in shown:
            kept[field.name] = shown[field.name]
    return kept
