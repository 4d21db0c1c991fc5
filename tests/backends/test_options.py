"""Options dataclasses are shown to people and read from text."""

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Literal

import pytest

from vmedia_bench.backends.options import describe_options, read_options


class Corner(StrEnum):
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class Everything:
    file: Path = field(metadata={"help": "What to open."})
    size: tuple[int, int] = (640, 480)
    fps: Fraction | float = 30
    count: int = 3
    gain: float = 1.5
    loop: bool = True
    title: str | None = None
    corner: Corner = Corner.LEFT
    mode: Literal["slow", "fast"] = "slow"
    word: str = field(default="a", metadata={"choices": ("a", "b")})


def test_every_field_is_described() -> None:
    shown = {option.name: option for option in describe_options(Everything)}
    assert [(o.type, o.default) for o in shown.values()] == [
        ("path", ""),
        ("size", "640x480"),
        ("float", "30"),
        ("int", "3"),
        ("float", "1.5"),
        ("bool", "yes"),
        ("str", ""),
        ("choice", "left"),
        ("choice", "slow"),
        ("choice", "a"),
    ]
    assert shown["file"].help == "What to open."
    assert [name for name, option in shown.items() if option.required] == ["file"]
    assert shown["corner"].choices == ("left", "right")
    assert shown["mode"].choices == ("slow", "fast")
    assert shown["word"].choices == ("a", "b")


def test_text_becomes_values() -> None:
    text = {
        "file": "/tmp/a.mkv",
        "size": "1280x720",
        "fps": "30000/1001",
        "count": "0x10",
        "gain": "2",
        "loop": "no",
        "title": "a = b",
        "corner": "right",
        "mode": "fast",
        "word": "b",
    }
    assert read_options(Everything, text) == {
        "file": Path("/tmp/a.mkv"),
        "size": (1280, 720),
        "fps": Fraction(30000, 1001),
        "count": 16,
        "gain": 2.0,
        "loop": False,
        "title": "a = b",
        "corner": Corner.RIGHT,
        "mode": "fast",
        "word": "b",
    }


def test_defaults_read_back_as_what_they_are() -> None:
    text = {option.name: option.default for option in describe_options(Everything)}
    values = read_options(Everything, {**text, "file": "x"})
    assert Everything(**values) == Everything(Path("x"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("size", "640", "not a size such as 640x480"),
        ("fps", "many", "not a number such as"),
        ("fps", "1/0", "not a number such as"),
        ("count", "1.5", "not a whole number"),
        ("gain", "x", "not a number"),
        ("loop", "maybe", "not yes or no"),
        ("corner", "top", "not one of left, right"),
        ("mode", "", "not one of slow, fast"),
        ("word", "c", "not one of a, b"),
    ],
)
def test_a_wrong_text_is_named_with_its_option(name: str, value: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} '{value}': {why}"):
        read_options(Everything, {"file": "x", name: value})


def test_unknown_and_missing_options_are_named() -> None:
    with pytest.raises(ValueError, match=r"^colour: not an option; there are file, size, fps"):
        read_options(Everything, {"colour": "1"})
    with pytest.raises(ValueError, match=r"^file: has no default; set it with --set file="):
        read_options(Everything, {})
