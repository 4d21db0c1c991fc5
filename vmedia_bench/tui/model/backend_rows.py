"""Backends: what there is, what a change would do."""

from textwrap import wrap

from vmedia_bench.control.operations.backends import (
    BackendRow,
    BackendSwitch,
    DeviceRow,
    OptionRow,
    SwitchMode,
)
from vmedia_bench.tui.model.form import FormField
from vmedia_bench.tui.model.rows import Column, Row

COLUMNS = (
    Column("", 1),
    Column("backend", 12),
    Column("state", 9),
    Column("kind", 7),
    Column("summary", flex=True),
)

LEAST_HELP = 20
"""Cells that the help of an option has at least."""


def backend_rows(backends: tuple[BackendRow, ...]) -> list[Row]:
    """One row a backend; one that cannot run says why."""
    return [_row(backend) for backend in backends]


def _row(backend: BackendRow) -> Row:
    state = ("○ ready", "")
    if backend.active:
        state = ("● active", "good")
    elif not backend.usable:
        state = ("✖ cannot", "bad")
    about = backend.summary if backend.usable else backend.reason
    return Row(
        backend.name,
        (
            ("▸", "accent") if backend.active else "",
            (backend.name, "strong" if backend.usable else "dim"),
            state,
            (backend.kind, "dim"),
            (about, "" if backend.usable else "warn"),
        ),
        "" if backend.usable else "dim",
    )


def about_lines(backend: BackendRow, width: int) -> list[list[tuple[str, str]]]:
    """The backend under the cursor, in full: lines of (text, tone), of so many cells at most."""
    lines = [
        [(f"{backend.name} ", "strong"), (f"{backend.kind} · {backend.origin}", "dim")],
        [(backend.summary, "")],
    ]
    if not backend.usable:
        lines.append([(f"✖ {backend.reason}", "warn")])
    lines += [_device_line(device) for device in backend.devices]
    for option in backend.options:
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        head = [(f"  {option.name:<14}", "accent"), (f"{option.default or '-':<15} ", "")]
        before = sum(len(text) for text, _ in head)
        first, *more = wrap(f"{option.help}{choices}", max(width - before, LEAST_HELP)) or [""]
        lines.append([*head, (first, "dim")])
        lines += [[(" " * before + text, "dim")] for text in more]
    return lines


def _device_line(device: DeviceRow) -> list[tuple[str, str]]:
    head = [(f"  {device.path:<14}", "accent"), (f"{device.kind or '-':<8}", "")]
    if device.problem:
        return [*head, (f"✖ {device.problem}", "warn")]
    return [*head, (f"{device.card} ", ""), (f"{device.driver} {device.bus}", "dim")]


def option_fields(options: tuple[OptionRow, ...]) -> list[FormField]:
    """The options as a form."""
    kinds = {"bool": "bool", "int": "int", "float": "float"}
    return [
        FormField(
            option.name,
            "choice" if option.choices else kinds.get(option.type, "text"),
            option.help,
            _default(option),
            choices=option.choices,
        )
        for option in options
    ]


def _default(option: OptionRow) -> str:
    if option.type == "bool":
        return "on" if option.default.lower() in {"on", "true", "yes", "1"} else "off"
    return option.default


def changed_options(options: tuple[OptionRow, ...], texts: dict[str, str]) -> dict[str, str]:
    """Only what differs from the defaults."""
    defaults = {option.name: _default(option) for option in options}
    return {name: text for name, text in texts.items() if text and text != defaults[name]}


def consequences(switch: BackendSwitch) -> list[tuple[str, str]]:
    """What a change would do, line by line: (text, tone)."""
    lines = [(f"The guest will find “{switch.card}”.", "")]
    if switch.obstacles:
        lines += [(f"✖ {obstacle}", "bad") for obstacle in switch.obstacles]
    if switch.sessions_kept:
        lines.append((f"● {_ids(switch.sessions_kept, 'goes', 'go')} on streaming", "good"))
    if switch.sessions_ended:
        lines.append(
            (f"▲ {_ids(switch.sessions_ended, 'ends', 'end')} with EVT_ERROR ENODEV", "warn")
        )
    if not switch.sessions_kept and not switch.sessions_ended and not switch.obstacles:
        lines.append(("● no session is open: nothing is disturbed", "good"))
    if switch.config_changed:
        lines.append(("○ the configuration space changes, and the guest is told", ""))
    return lines


def mode_title(mode: SwitchMode) -> str:
    """A mode in words."""
    return {
        SwitchMode.REFUSE: "Change",
        SwitchMode.HOT: "Change under them",
        SwitchMode.FORCE: "End them, change",
    }[mode]


def _ids(sessions: tuple[int, ...], one: str, several: str) -> str:
    if len(sessions) == 1:
        return f"session {sessions[0]} {one}"
    return f"sessions {', '.join(map(str, sessions))} {several}"
