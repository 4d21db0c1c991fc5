"""The sessions' table."""

from vmedia_bench.control.operations.sessions import SessionPhase, SessionRow
from vmedia_bench.tui.model.rows import Cell, Column, Row
from vmedia_bench.tui.model.states import SESSION
from vmedia_bench.tui.model.text import age_text
from vmedia_bench.tui.model.view import View

COLUMNS = (
    Column("", 1),
    Column("ID", 4, right=True),
    Column("age", 6, right=True),
    Column("state", 11),
    Column("queue", 10),
    Column("format", 14),
    Column("fps", 5, right=True),
    Column("q/done", 6, right=True),
    Column("drop", 4, right=True),
    Column("error", flex=True),
)


def session_rows(view: View) -> list[Row]:
    """One row a session, the one looked at marked."""
    chosen, late_s = view.session, view.since_step_s
    return [_row(session, chosen, session.age_s - late_s) for session in view.snapshot.sessions]


def _row(session: SessionRow, chosen: int | None, age_s: float) -> Row:
    mark, word, tone = SESSION[session.phase]
    owns = session.phase in {SessionPhase.BUFFERS, SessionPhase.STREAMING}
    error: Cell = (session.last_errno, "warn")
    if session.failed_with:
        error = (f"✖ {session.failed_with}", "bad")
    return Row(
        session.id,
        (
            ("▸", "accent") if session.id == chosen else "",
            str(session.id),
            (age_text(max(age_s, 0)), "dim"),
            (f"{mark} {word}", tone),
            queue_text(session.queue),
            (
                f"{session.format} {session.width}x{session.height}" if session.format else "-",
                "" if owns else "dim",
            ),
            f"{session.fps:.1f}" if session.phase is SessionPhase.STREAMING else ("-", "dim"),
            f"{session.queued}/{session.done}" if session.buffers else ("-", "dim"),
            (str(session.dropped), "warn") if session.dropped else ("-", "dim"),
            error,
        ),
    )


def queue_text(types: str) -> Cell:
    """`VIDEO_OUTPUT_MPLANE, VIDEO_CAPTURE_MPLANE` in few cells: OUT+CAP MP; alone: OUTPUT MP."""
    if not types:
        return ("-", "dim")
    words = [word.strip() for word in types.replace("+", ",").split(",")]
    short = [word.removeprefix("VIDEO_").removesuffix("_MPLANE") for word in words]
    if len(short) > 1:
        short = [word.replace("OUTPUT", "OUT").replace("CAPTURE", "CAP") for word in short]
    return "+".join(short) + " MP" * types.endswith("_MPLANE")


def session_count_text(view: View) -> str:
    """What stands in the pane's title."""
    if view.session is not None:
        return f"session {view.session} chosen · a for all"
    count = len(view.snapshot.sessions)
    return f"{count} open" if count else "none open"
