"""Backends."""

from typing import Any

from vmedia_bench.cli.table import pairs, printable, table
from vmedia_bench.cli.views.amounts import dash, yes_no


def backends_text(result: dict[str, Any]) -> str:
    """One line a backend, and why one cannot run here."""
    rows = [
        (row["name"], _state(row), row["kind"], row["origin"], row["summary"])
        for row in result["backends"]
    ]
    reasons = [f"{row['name']}: {row['reason']}" for row in result["backends"] if row["reason"]]
    return "\n".join((table(("backend", "state", "kind", "from", "summary"), rows), *reasons))


def backend_text(row: dict[str, Any]) -> str:
    """One backend, its options and the devices it finds."""
    head = pairs(
        (
            ("backend", row["name"]),
            ("summary", row["summary"]),
            ("kind", row["kind"]),
            ("from", row["origin"]),
            ("active", yes_no(row["active"])),
            ("usable", "yes" if row["usable"] else f"no: {row['reason']}"),
        )
    )
    options = [
        (option["name"], option["type"], dash(option["default"]), _help(option))
        for option in row["options"]
    ]
    parts = [head]
    if options:
        parts.append(table(("option", "type", "default", "help"), options))
    if row["devices"]:
        devices = [_device(device) for device in row["devices"]]
        parts.append(table(("device", "card", "kind", "bus", "usable"), devices))
    return "\n\n".join(parts)


def switch_text(result: dict[str, Any]) -> str:
    """What the change did, or what stands in its way."""
    if result["obstacles"]:
        return f"would be refused: {'; '.join(result['obstacles'])}"
    parts = [f"{result['backend']}: {printable(result['card'])}"]
    for key, what in (("sessions_kept", "kept"), ("sessions_ended", "ended")):
        if result[key]:
            parts.append(f"sessions {what}: {', '.join(map(str, result[key]))}")
    if result["config_changed"]:
        parts.append("configuration space changed")
    return "; ".join(parts)


def _state(row: dict[str, Any]) -> str:
    if row["active"]:
        return "active"
    return "usable" if row["usable"] else "unusable"


def _device(device: dict[str, Any]) -> tuple[str, ...]:
    why = device["problem"].removeprefix(device["path"]).lstrip(": ")
    names = [dash(printable(device[name])) for name in ("card", "kind", "bus")]
    return device["path"], *names, f"no: {why}" if why else "yes"


def _help(option: dict[str, Any]) -> str:
    choices = option["choices"]
    return f"{option['help']} ({', '.join(choices)})" if choices else str(option["help"])
