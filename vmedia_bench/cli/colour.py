"""Colour on a terminal, in addition to the word that says the same."""

import os
import sys

_GREEN, _YELLOW, _RED, _CYAN = "32", "33", "31", "36"
_OF_WORD = {
    **dict.fromkeys(("ok", "ready", "streaming", "passed", "yes", "armed", "active"), _GREEN),
    **dict.fromkeys(("note", "paused", "waiting", "skipped", "spent", "WARNING"), _YELLOW),
    **dict.fromkeys(("LACKS", "failed", "FAILED", "gone", "error", "corrupt", "ERROR"), _RED),
    **dict.fromkeys(("connected", "queued", "filling", "done"), _CYAN),
}


def colour_wanted() -> bool:
    """Whether stdout is a terminal that takes colour and NO_COLOR does not forbid it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def paint(word: str, padded: str) -> str:
    """`padded` in the colour of `word`, where the word has one and colour is wanted."""
    code = _OF_WORD.get(word)
    return f"\x1b[{code}m{padded}\x1b[0m" if code and colour_wanted() else padded
