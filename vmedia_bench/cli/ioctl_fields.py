"""An ioctl's payload from FIELD=VALUE words, and its answer as lines."""

import re
from collections.abc import Sequence
from typing import Any

from vmedia_bench.cli.exit_codes import ExitCode
from vmedia_bench.cli.failure import CommandFailedError
from vmedia_bench.wire import media
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Ioctl, Shape, ioctl_named
from vmedia_bench.wire.layouts.decode import decode_response
from vmedia_bench.wire.layouts.edit import assign, leaves
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS, payload_layout

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
    if number >= 1 << 32:
        raise CommandFailedError(f"{name}: an ioctl's number has 32 bits", ExitCode.USAGE)
    if hexadecimal and assignments:
        raise CommandFailedError("fields and --hex: choose one", ExitCode.USAGE)
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
    if ioctl.direction is Direction.R:
        if assignments:
            why = f"ioctl {name} takes no fields: the device fills all of them"
            raise CommandFailedError(why, ExitCode.USAGE)
        return b"", number
    try:
        return _assembled(ioctl, [_split(word) for word in assignments]), number
    except ValueError as error:
        raise CommandFailedError(str(error), ExitCode.USAGE) from error


def answer_lines(number: int, answer: bytes) -> list[str]:
    """The answer's fields, one `path = value` a line; zeros of reserved fields are left out."""
    return [f"{'.'.join(path)} = {value}" for path, value in leaves(jsonable(number, answer))]


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
            body = assign(structure, body, path, value)
            continue
        layout = LAYOUTS[element]
        while len(elements) <= int(found[1]):
            elements.append(bytes(layout.sizeof()))
        elements[int(found[1])] = assign(layout, elements[int(found[1])], found[2], value)
    if elements:
        body = assign(structure, body, counter, str(len(elements)))
    return body + b"".join(elements)


def _split(word: str) -> tuple[str, str]:
    path, sign, value = word.partition("=")
    if not sign or not path:
        raise CommandFailedError(f"{word!r} is not FIELD=VALUE", ExitCode.USAGE)
    return path, value
