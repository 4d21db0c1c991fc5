"""What the workbench remembers from one run to the next. A file that cannot be read is none."""

import contextlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

FILE = "tui.json"


@dataclass
class Remembered:
    """Panes, filters and theme, as the operator left them."""

    theme: str = ""
    active: str = "preview"
    deck: str = "commands"
    zoomed: bool = False
    filters: dict[str, str] = field(default_factory=dict)
    """By pane."""
    history: dict[str, list[str]] = field(default_factory=dict)
    """Filters typed before, newest first, by pane."""


def state_file() -> Path:
    """Where it is kept: in the user's folder for state."""
    from platformdirs import user_state_path

    return user_state_path("vmedia-bench") / FILE


def load(path: Path) -> Remembered:
    """What was kept; the defaults where nothing was, or nothing that makes sense."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Remembered()
    found = Remembered()
    if not isinstance(kept, dict):
        return found
    for each in fields(Remembered):
        value = kept.get(each.name)
        if isinstance(value, type(getattr(found, each.name))):
            setattr(found, each.name, value)
    return found


def save(path: Path, remembered: Remembered) -> None:
    """Keep it; a folder that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps(asdict(remembered), indent=1), encoding="utf-8")
        partial.replace(path)
