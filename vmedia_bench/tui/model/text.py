"""Numbers as people read them, each in few cells and always as wide."""

_BARS = "▁▂▃▄▅▆▇█"
_UNITS = ("B", "K", "M", "G", "T")


def size_text(count: int) -> str:
    """Bytes in at most five cells: 640, 4.0K, 1.5M, 225K."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    if unit == "B":
        return str(count)
    return f"{value:.1f}{unit}" if value < 100 else f"{value:.0f}{unit}"


def count_text(count: int) -> str:
    """A count with its thousands apart: 18,204."""
    return f"{count:,}"


def rate_text(rate: float) -> str:
    """A rate in at most five cells: 0, 9.9, 412, 20.1k."""
    if rate < 0.05:
        return "0"
    if rate < 100:
        return f"{rate:.1f}"
    if rate < 10_000:
        return f"{rate:.0f}"
    return f"{rate / 1000:.1f}k"


def age_text(seconds: float) -> str:
    """How long: 8 s, 2:05, 1:02:03, 3 d."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 86_400} d"


def span_text(nanoseconds: int) -> str:
    """A short time: 41 µs, 1.2 ms, 3.4 s."""
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1000:.0f} µs"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:.{0 if nanoseconds >= 1e8 else 1}f} ms"
    return f"{nanoseconds / 1_000_000_000:.1f} s"


def bars(values: list[float], width: int, top: float = 0.0) -> str:
    """The last `width` values as bars, `top` (at least) the full height; short lists are padded."""
    shown = values[-width:]
    highest = max([top, *shown]) or 1.0
    drawn = [_BARS[min(7, int(value / highest * 7.999))] for value in shown]
    return "".join(drawn).rjust(width, _BARS[0])


def clip(text: str, width: int) -> str:
    """At most `width` characters, the last one an ellipsis where something is missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
