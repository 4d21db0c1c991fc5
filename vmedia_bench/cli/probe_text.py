"""What a probe found, for people."""

from vmedia_bench.cli.table import table
from vmedia_bench.guest.report import Control, Queue, Report


def probe_text(report: Report) -> str:
    """The report as sections of plain text; findings last, where the eye ends."""
    sections = [_device(report)]
    sections += [_queue(queue) for queue in report.queues]
    if report.controls:
        rows = [_control_row(control) for control in report.controls]
        sections.append(
            "controls\n"
            + _indented(table(("name", "type", "range", "default", "value", "flags"), rows))
        )
    for title, entries in (("inputs", report.inputs), ("outputs", report.outputs)):
        if entries:
            sections.append(f"{title}\n" + _indented("\n".join(entries)))
    if report.findings:
        sections.append("what it does wrong\n" + _indented("\n".join(report.findings)))
    elif not report.error:
        sections.append("nothing wrong was found")
    return "\n\n".join(sections)


def _device(report: Report) -> str:
    rows = [
        ("card", report.card),
        ("device_caps", " ".join(report.device_caps)),
        ("features", " ".join(report.features)),
        ("protocol", " ".join(report.protocol_features)),
        ("queues", f"{report.queue_count}, used with {report.queue_size} descriptors"),
        (
            "shared memory",
            ", ".join(f"region {n}: {size >> 20} MiB" for n, size in report.shmem_sizes.items()),
        ),
        ("handshake", f"{len(report.messages)} messages in the order of {report.order}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value or '-'}" for name, value in rows)


def _queue(queue: Queue) -> str:
    rows = []
    for fmt in queue.formats:
        sizes = [size.size for size in fmt.sizes]
        shown = ", ".join(sizes) if len(sizes) <= 2 else f"{len(sizes)}, {sizes[0]} to {sizes[-1]}"
        rows.append((fmt.fourcc, shown or "-", fmt.description, " ".join(fmt.flags)))
    head = f"{queue.type}: {queue.current}, interval {queue.interval}"
    buffers = f"buffers: {' '.join(queue.capabilities) or '-'}"
    formats = table(("format", "sizes", "description", "flags"), rows)
    return f"{head}\n{_indented(formats)}\n{_indented(buffers)}"


def _control_row(control: Control) -> tuple[str, ...]:
    limits = f"{control.minimum}..{control.maximum}"
    if control.step not in {0, 1}:
        limits += f"/{control.step}"
    if control.menu:
        limits = ", ".join(control.menu.values())
    if control.type in {"CTRL_CLASS", "BUTTON"}:
        limits = "-"
    return (
        control.name,
        control.type.lower(),
        limits if len(limits) < 40 else limits[:37] + "...",
        str(control.default),
        control.value or "-",
        " ".join(control.flags),
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
