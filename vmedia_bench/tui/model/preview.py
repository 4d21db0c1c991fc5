"""The words around the picture."""

from vmedia_bench.control.operations.frames import Frame
from vmedia_bench.tui.model.text import bars
from vmedia_bench.tui.sampling import Probe

Parts = list[tuple[str, str]]


def preview_title(frame: Frame | None, paused: bool, zoom: int) -> str:
    """What stands beside the pane's name."""
    if frame is None:
        return "no frame yet" + " · ‖ paused" * paused
    words = [
        f"session {frame.session}",
        f"{frame.fourcc} {frame.width}x{frame.height}",
        f"#{frame.sequence}",
    ]
    if zoom > 1:
        words.append(f"{zoom}x")
    if "ERROR" in frame.flags:
        words.append("✖ ERROR flag")
    if paused:
        words.append("‖ paused")
    return " · ".join(words)


def info_parts(
    kind: str, histogram: tuple[int, int, list[float]], probe: Probe | None, width: int
) -> Parts:
    """Range and histogram of the luma, and the pixel that is probed."""
    least, most, counts = histogram
    name = "Y" if kind == "YUV" else "G"
    roots = [count**0.5 for count in counts]
    columns = len(roots) if width >= 90 else len(roots) // 2
    if columns < len(roots):
        roots = [max(roots[i], roots[i + 1]) for i in range(0, len(roots), 2)]
    parts: Parts = [(f" {name} {least:>3}-{most:<3} ", "dim"), (bars(roots, columns), "accent")]
    if probe is not None:
        parts.append(("   ┼ ", "strong"))
        parts.append((probe.text(), ""))
        parts.append((" ", ""))
        parts.append(("██", probe.colour))
    elif width >= 60:
        parts.append(("   click or p: probe a pixel", "dim"))
    return parts
