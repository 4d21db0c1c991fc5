"""Amounts as people read them."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """Bytes in the largest unit that leaves at least one: 1.5 MiB."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if amount.is_integer() else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def counted(count: int, noun: str) -> str:
    """A number of things: 1 record, 2 records."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as 12.3 s, 4 min 5 s or 2 h 3 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def rate(fps: float) -> str:
    """Frames a second, 29.97 or 30; `-` where there is no rate."""
    return f"{fps:.2f}".rstrip("0").rstrip(".") if fps else "-"


def dash(text: object) -> str:
    """The value as text, `-` for nothing."""
    return "-" if text in {None, ""} else str(text)


def yes_no(value: object) -> str:
    """Yes or no."""
    return "yes" if value else "no"
