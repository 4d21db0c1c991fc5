"""Results that are made many times a second."""

from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


def quick(kind: type[T]) -> type[T]:
    """
    Give a class with the fields of a declared result, kind, that is ten times cheaper to make.

    Operations are declared as dataclasses, which a client has without msgspec; a frozen one
    sets each field by a call of its own.
    """
    made = [
        (field.name, Any) if field.default is MISSING else (field.name, Any, field.default)
        for field in fields(cast("type[Any]", kind))
    ]
    return cast("type[T]", msgspec.defstruct(kind.__name__, made, frozen=True, kw_only=True))
