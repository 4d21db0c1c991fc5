r"""
Bytes of a char array as text that is safe on a terminal, and back.

Names come from guests and plugins: control characters must not reach a terminal, and nothing may
be lost. What is not printable UTF-8 is escaped ``\xNN``, a backslash is doubled.
"""

import re

_ESCAPE = re.compile(rb"\\(\\|x[0-9a-f]{2})")


def decode_text(value: bytes) -> str:
    """Return the text without trailing NULs, escaped; never raises."""
    body = value.rstrip(b"\0").replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else _escaped(char) for char in body)


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8"))


def encode_text(value: str) -> bytes:
    """Return the bytes that :func:`decode_text` showed as ``value``."""

    def unescape(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return code if code == b"\\" else bytes([int(code[1:], 16)])

    return _ESCAPE.sub(unescape, value.encode("utf-8"))
