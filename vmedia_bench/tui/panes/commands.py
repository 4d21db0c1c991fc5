"""The commands pane: the trace of everything between driver and device."""

from vmedia_bench.tui.panes.trace_pane import TracePane


class CommandsPane(TracePane):
    """All records."""

    NAME = "commands"
    TITLE = "Commands"
    SHORT = "Cmds"
    KEY = "4"
    EMPTY = "No command yet.\nEach one appears as the driver sends it."
    HELP = (
        "Each command of the driver with what it was answered, each event, each fault that fired "
        "and what became of the connection. The newest 100,000 are kept in the bench.\n\n"
        "It follows the newest until you scroll; `End` follows again. `/` filters in the language "
        "of `vmedia-bench commands --filter`: `ioctl == QBUF and session == 3`, `status != 0`, "
        "`latency > 1ms`. Tab completes, Up brings back earlier ones, Escape takes it away.\n\n"
        "`m` marks a row, `n` and `N` go from mark to mark. Enter opens a record: every field "
        "beside its bytes. `x` writes what is filtered to a file, `X` forgets the trace."
    )
