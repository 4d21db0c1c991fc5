"""Queues and buffers: a cell each that changes as the guest works, and the table of fields."""

from collections.abc import Collection, Iterator

from vmedia_bench.control.operations.buffers import BufferState, PlaneState, QueueState
from vmedia_bench.tui.model.rows import Cell, Column, Row
from vmedia_bench.tui.model.states import BUFFER
from vmedia_bench.tui.model.text import count_text, span_text
from vmedia_bench.tui.model.view import View

COLUMNS = (
    Column("#", 3, right=True),
    Column("state", 10),
    Column("offset", 10, right=True),
    Column("length", 8, right=True),
    Column("used", 8, right=True),
    Column("seq", 6, right=True),
    Column("age", 7, right=True),
    Column("field", 5),
    Column("m", 1),
    Column("flags", flex=True),
)

TELLING = frozenset(("ERROR", "LAST", "KEYFRAME", "PFRAME", "BFRAME"))
"""Flags that no other column tells."""


def queues(view: View) -> list[QueueState]:
    """The queues to show: those of the session looked at."""
    return [queue for queue in view.snapshot.queues if view.concerns(queue.session)]


def queue_line(queue: QueueState) -> list[tuple[str, str]]:
    """One line on a queue, as (text, tone) parts."""
    owner = f"session {queue.session}" if queue.session is not None else "no owner"
    rate = f"@{queue.fps:g}" if queue.fps else ""
    parts = [
        (f"{queue.type.removeprefix('VIDEO_')} ", "strong"),
        (f"{owner} · {queue.memory or 'no buffers'} · ", ""),
        (f"{queue.format} {queue.width}x{queue.height}{rate}  ", ""),
    ]
    parts.append(("● on", "good") if queue.streaming else ("○ off", "dim"))
    if queue.dropped:
        parts.append((f"  {count_text(queue.dropped)} dropped", "warn"))
    if queue.frames:
        parts.append((f"  {count_text(queue.frames)} frames", ""))
    return parts


def buffer_cells(queue: QueueState, words: bool = True) -> list[tuple[str, str]]:
    """Each buffer as a box of fixed width, (text, tone): its mark, and its state in a word."""
    cells = []
    for buffer in queue.buffers:
        mark, tone = BUFFER.get(buffer.state, ("?", ""))
        word = f"{buffer.state:<8} " if words else ""
        cells.append((f" {buffer.index:>2} {mark} {word}", tone))
    return cells


def buffer_rows(view: View, unfolded: Collection[str]) -> list[Row]:
    """One row a buffer, and one a plane beneath those unfolded; headings for several queues."""
    shown = [queue for queue in queues(view) if queue.buffers]
    return [
        row
        for queue in shown
        for row in (
            *([_heading(queue)] if len(shown) > 1 else ()),
            *(row for buffer in queue.buffers for row in _rows(view, queue, buffer, unfolded)),
        )
    ]


def _heading(queue: QueueState) -> Row:
    """Whose the buffers below are, where there are several queues."""
    owner = f"session {queue.session}" if queue.session is not None else "no owner"
    kind = queue.type.removeprefix("VIDEO_").replace("_MPLANE", " MP")
    empty: tuple[Cell, ...] = ("",) * (len(COLUMNS) - 3)
    cells: tuple[Cell, ...] = ("", (kind, "accent"), (owner, "accent"), *empty)
    return Row(f"{queue.session}/{queue.type}", cells)


def _rows(
    view: View, queue: QueueState, buffer: BufferState, unfolded: Collection[str]
) -> Iterator[Row]:
    key = f"{queue.session}/{queue.type}/{buffer.index}"
    mark, tone = BUFFER.get(buffer.state, ("?", ""))
    open_ = key in unfolded
    # A timestamp that was copied from the other queue is of the guest's own clock.
    aged = buffer.timestamp_ns and "TIMESTAMP_COPY" not in buffer.flags
    age = view.snapshot.at_ns - buffer.timestamp_ns
    yield Row(
        key,
        (
            f"{'▾' if open_ else '▸'}{buffer.index:>2}",
            (f"{mark} {buffer.state}", tone),
            *_plane_cells(buffer.planes[0] if buffer.planes else None),
            str(buffer.sequence) if buffer.timestamp_ns else ("-", "dim"),
            span_text(max(age, 0)) if aged else ("-", "dim"),
            (buffer.field, "dim"),
            "✓" if buffer.mapped else ("-", "dim"),
            (_flags(buffer), "dim"),
        ),
    )
    if open_:
        for number, plane in enumerate(buffer.planes):
            yield Row(
                f"{key}/{number}",
                (
                    "",
                    (f"plane {number}", "accent"),
                    *_plane_cells(plane),
                    "",
                    "",
                    "",
                    "",
                    (f"data_offset {plane.data_offset}", "dim"),
                ),
            )


def _flags(buffer: BufferState) -> str:
    """All flags; those that say something about the frame first, for the column may be narrow."""
    return " ".join(sorted(buffer.flags, key=lambda flag: flag not in TELLING))


def _plane_cells(plane: PlaneState | None) -> tuple[Cell, Cell, Cell]:
    if plane is None:
        return "-", "-", "-"
    return f"{plane.offset:#x}", str(plane.length), str(plane.bytesused)


def buffers_title(view: View) -> str:
    """What stands beside the pane's name."""
    shown = queues(view)
    count = sum(len(queue.buffers) for queue in shown)
    return f"{count} in {len(shown)} queue{'s' * (len(shown) != 1)}" if count else "none"
