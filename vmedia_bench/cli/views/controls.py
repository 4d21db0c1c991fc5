"""Controls and formats."""

from typing import Any

from vmedia_bench.cli.table import pairs, table
from vmedia_bench.cli.views.amounts import dash, rate

HEAD = ("control", "type", "range", "default", "value", "flags")
FORMAT_HEAD = ("queue", "format", "planes", "sizes", "frames/s", "description", "flags", "")


def controls_text(result: dict[str, Any]) -> str:
    """One line a control."""
    rows = [
        (
            control["key"],
            control["type"].lower(),
            _range(control),
            dash(control["default"]),
            dash(_value(control)),
            " ".join(control["flags"]) or "-",
        )
        for control in result["controls"]
    ]
    return table(HEAD, rows) if rows else "this device has no controls"


def control_text(control: dict[str, Any]) -> str:
    """One control in full."""
    rows = [
        ("control", control["key"]),
        ("name", control["name"]),
        ("id", f"{control['id']:#010x}"),
        ("type", control["type"].lower()),
        ("range", _range(control)),
        ("default", str(control["default"])),
        ("value", dash(_value(control))),
        ("flags", " ".join(control["flags"])),
    ]
    rows += [(f"  {item['index']}", item["name"]) for item in control["menu"]]
    return pairs(rows)


def formats_text(result: dict[str, Any]) -> str:
    """One line a format."""
    rows = [
        (
            fmt["queue"],
            fmt["fourcc"],
            str(fmt["planes"]),
            _few(fmt["sizes"]),
            _few([rate(fps) for fps in fmt["fps"]]),
            fmt["description"],
            " ".join(fmt["flags"]) or "-",
            "current" if fmt["current"] else "",
        )
        for fmt in result["formats"]
    ]
    return table(FORMAT_HEAD, rows) if rows else "this device has no formats"


def _value(control: dict[str, Any]) -> object:
    names = {item["index"]: item["name"] for item in control["menu"]}
    value = control["value"]
    return f"{value} ({names[value]})" if value in names else value


def _range(control: dict[str, Any]) -> str:
    if control["type"] in {"BUTTON", "CTRL_CLASS"}:
        return "-"
    limits = f"{control['minimum']}..{control['maximum']}"
    return limits if control["step"] in {0, 1} else f"{limits}/{control['step']}"


def _few(items: list[str]) -> str:
    if len(items) <= 2:
        return ", ".join(items) or "-"
    return f"{len(items)}, {items[0]} to {items[-1]}"
