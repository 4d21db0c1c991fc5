"""An ioctl's payload from FIELD=VALUE words, and its answer as lines."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import construct

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS, Ioctl, Shape, ioctl_named
from vmedia_bench.wire.layouts.decode import decode_response
from vmedia_bench.wire.layouts.fields import fields_of
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS, payload_layout

Path = tuple[str, ...]

# The arrays that follow a structure: name, element, and the field that counts them.
_ARRAYS = {
    Shape.BUFFER: ("planes", "v4l2_plane", "length"),
    Shape.EXT_CONTROLS: ("controls", "v4l2_ext_control", "count"),
}


def build_payload(name: str, assignments: Sequence[str], hexadecimal: str) -> tuple[bytes, int]:
    """The payload and number of an ioctl given by name or number.

    An assignment is `fmt.pix.width=640`, or the shorter `width=640` where that is unambiguous;
    `controls.0.id=BRIGHTNESS` and `planes.0.length=100` set the arrays behind the structure.
    CommandFailedError(USAGE) says which fields there are.
    """
    try:
        number = int(name, 0) if name[:1].isdigit() else ioctl_named(name).number
    except ValueError as error:
        raise CommandFailedError(str(error), ExitCode.USAGE) from error
    if hexadecimal:
        try:
            return bytes.fromhex(hexadecimal), number
        except ValueError as error:
            raise CommandFailedError(f"--hex: {error}", ExitCode.USAGE) from error
    ioctl = IOCTLS.get(number)
    if ioctl is None or not ioctl.size:
        if assignments:
            raise CommandFailedError(f"ioctl {name} has no fields: use --hex", ExitCode.USAGE)
        return b"", number
    return _assembled(ioctl, [_split(word) for word in assignments]), number


def answer_lines(number: int, answer: bytes) -> list[str]:
    """The answer's fields, one `path = value` a line; zeros of reserved fields are left out."""
    return [f"{'.'.join(path)} = {value}" for path, value in _leaves(jsonable(number, answer))]


def jsonable(number: int, answer: bytes) -> dict[str, Any]:
    """The answer's payload as plain data."""
    command = media.CMD_SESSION.pack(media.CMD_IOCTL, 0, number)
    shown = decode_response(command, media.RESP_HEADER.pack(0) + answer)
    payload: dict[str, Any] = {**shown.get("payload", {})}
    payload |= {
        key: shown[key] for key in ("planes", "controls", "_rest", "_error") if key in shown
    }
    return payload


def _assembled(ioctl: Ioctl, assignments: Sequence[tuple[str, str]]) -> bytes:
    structure = payload_layout(ioctl)
    body = bytes(ioctl.size)
    array_name, element, counter = _ARRAYS.get(ioctl.shape, ("", "", ""))
    elements: list[bytes] = []
    for path, value in assignments:
        found = re.fullmatch(rf"{array_name}\.(\d)\.(.+)", path) if array_name else None
        if found is None:
            body = _assign(structure, body, path, value)
            continue
        layout = LAYOUTS[element]
        while len(elements) <= int(found[1]):
            elements.append(bytes(layout.sizeof()))
        elements[int(found[1])] = _assign(layout, elements[int(found[1])], found[2], value)
    if elements:
        body = _assign(structure, body, counter, str(len(elements)))
    return body + b"".join(elements)


def _assign(layout: Any, data: bytes, path: str, text: str) -> bytes:
    """One field set. The others are parsed anew each time: a type decides what a union shows."""
    container = layout.parse(data)
    names = _resolve(container, path)
    try:
        if len(names) == 1:
            return _patched(layout, data, names[0], _value(container[names[0]], text))
        holder = container
        for name in names[:-1]:
            holder = holder[int(name)] if name.isdigit() else holder[name]
        last: Any = int(names[-1]) if names[-1].isdigit() else names[-1]
        holder[last] = _value(holder[last], text)
        return bytes(layout.build(container))
    except (ValueError, KeyError, TypeError, construct.ConstructError) as error:
        raise CommandFailedError(
            f"{path}={text}: not a value for this field", ExitCode.USAGE
        ) from error


def _patched(layout: Any, data: bytes, name: str, value: object) -> bytes:
    """A field of the structure itself; what follows it may then read differently."""
    field = next(field for field in fields_of(layout) if field.name == name)
    built: bytes = field.con.build(value)
    return data[: field.offset] + built + data[field.offset + field.size :]


def _value(old: object, text: str) -> object:
    """`text` as what the field holds: a number where it is one, else a name or characters."""
    try:
        return int(text, 0)
    except ValueError:
        if isinstance(old, str):
            return text
        raise


def _resolve(container: Any, path: str) -> Path:
    wanted = tuple(path.split("."))
    paths = [names for names, _ in _leaves(container)]
    matches = [names for names in paths if names == wanted] or [
        names for names in paths if names[-len(wanted) :] == wanted
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        choices = ", ".join(".".join(names) for names in matches)
        raise CommandFailedError(f"{path} may be {choices}", ExitCode.USAGE)
    known = ", ".join(".".join(names) for names in paths)
    raise CommandFailedError(f"there is no field {path}; there are {known}", ExitCode.USAGE)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name != "_io" and member is not None:
                yield from _leaves(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, (*path, str(index)))
    else:
        yield path, value


def _split(word: str) -> tuple[str, str]:
    path, sign, value = word.partition("=")
    if not sign or not path:
        raise CommandFailedError(f"{word!r} is not FIELD=VALUE", ExitCode.USAGE)
    return path, value
