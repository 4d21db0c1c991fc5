"""Rings, features, guest memory and the arena, in words and as a bar."""

from vmedia_bench.control.operations.bench import BenchStatus, Mapping, RingState
from vmedia_bench.tui.model.text import count_text, size_text

Parts = list[tuple[str, str]]


def ring_lines(status: BenchStatus) -> list[Parts]:
    """Everything the transport knows, as lines of (text, tone)."""
    lines = [
        [
            (f"{'Rings':<11}", "strong"),
            ("size state      avail   used in flight offered features", "dim"),
        ]
    ]
    lines += [_ring(ring) for ring in status.rings]
    for ring in status.rings:
        if ring.error:
            lines.append([(f"  ✖ {ring.name}: {ring.error}", "bad")])
    lines.append([])
    lines.append(_head("Transport", _counters(status)))
    counters = status.counters
    if counters.messages_refused or counters.chains_refused:
        refused = f"{counters.messages_refused} messages · {counters.chains_refused} chains"
        lines.append([(f"  {'refused':<11}{refused}", "warn")])
    lines += _names("virtio", status.features)
    lines += _names("vhost-user", status.protocol_features)
    lines.append([])
    lines.append(_head("Guest memory", f"{size_text(sum(r.size for r in status.regions))}"))
    lines += [
        [
            (f"  {region.guest_address:#014x}  ", ""),
            (f"{size_text(region.size):>6}  ", ""),
            ("● mapped", "good")
            if region.mapped
            else ("○ read and written by system calls", "warn"),
        ]
        for region in status.regions
    ] or [[("  none: no VM is connected", "dim")]]
    return lines


def _head(name: str, about: str) -> Parts:
    return [(f"{name:<13}", "strong"), (about, "dim")]


def _ring(ring: RingState) -> Parts:
    state, tone = ("○ off", "dim")
    if ring.error:
        state, tone = "✖ corrupt", "bad"
    elif ring.stopped_by_operator:
        state, tone = "‖ held", "warn"
    elif ring.running:
        state, tone = "● runs", "good"
    features = [
        name for name, on in (("event_idx", ring.event_idx), ("indirect", ring.indirect)) if on
    ]
    return [
        (f"  {ring.name:<9}", ""),
        (f"{ring.size:>4} ", ""),
        (f"{state:<10}", tone),
        (f"{ring.avail_index:>6} {ring.used_index:>6} ", ""),
        (f"{ring.in_flight:>9} ", "warn" if ring.in_flight > 8 else ""),
        (f"{ring.offered:>7} ", ""),
        (" ".join(features), "dim"),
    ]


def _counters(status: BenchStatus) -> str:
    counters = status.counters
    plural = "" if counters.connections == 1 else "s"
    return (
        f"{count_text(counters.messages)} messages · {count_text(counters.kicks)} kicks · "
        f"{count_text(counters.calls)} calls · {counters.connections} connection{plural}"
    )


def _names(kind: str, names: tuple[str, ...]) -> list[Parts]:
    short = [name.removeprefix("VIRTIO_").removeprefix("VHOST_USER_") for name in names]
    text = " ".join(short) or "none negotiated"
    return [[(f"  {kind:<11}", "dim"), (text, "" if short else "dim")]]


def arena_bar(status: BenchStatus, width: int) -> list[Parts]:
    """The used part of the arena as a bar of `width` cells, and what its cells mean."""
    used = max((m.offset + m.length for m in status.mappings), default=0)
    about = (
        f"{size_text(status.arena_used)} of {size_text(status.arena_size)} in buffers · "
        f"{len(status.mappings)} blocks"
    )
    lines = [_head("Arena", about)]
    if not used:
        lines.append([(f"  {'·' * max(width - 4, 1)}", "dim")])
        lines.append([("  nothing allocated", "dim")])
        return lines
    cells = max(width - 4, 10)
    bar: Parts = [("  ", "")]
    for cell in range(cells):
        start, stop = used * cell // cells, used * (cell + 1) // cells
        bar.append(_bar_cell(status.mappings, start, max(stop, start + 1)))
    lines.append(_joined(bar))
    lines.append([(f"  0x0{f'{used:#x}':>{cells - 3}}", "dim")])
    lines.append(
        [
            ("  █ ", "good"),
            ("mapped buffer  ", "dim"),
            ("▒ ", "accent"),
            ("buffer not mapped  ", "dim"),
            ("░ ", "warn"),
            ("freed, still mapped  ", "dim"),
            ("· free", "dim"),
        ]
    )
    return lines


def _bar_cell(mappings: tuple[Mapping, ...], start: int, stop: int) -> tuple[str, str]:
    """What lies at these bytes; half a cell where a mapped block begins behind another."""
    here = [m for m in mappings if m.offset < stop and start < m.offset + m.length]
    if not here:
        return ("·", "dim")
    block = here[-1]
    if block.mapped and block.in_use:
        begins = block is not mappings[0] and start <= block.offset
        return ("▌" if begins else "█", "good")
    return ("▒", "accent") if block.in_use else ("░", "warn")


def _joined(parts: Parts) -> Parts:
    """Neighbours of one tone as one part."""
    joined: Parts = []
    for text, tone in parts:
        if joined and joined[-1][1] == tone:
            joined[-1] = (joined[-1][0] + text, tone)
        else:
            joined.append((text, tone))
    return joined
