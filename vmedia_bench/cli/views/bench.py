"""The bench itself."""

from typing import Any

from vmedia_bench.cli.table import pairs, table
from vmedia_bench.cli.views.amounts import dash, duration, size, yes_no
from vmedia_bench.cli.views.buffers import queues_text
from vmedia_bench.cli.views.controls import controls_text
from vmedia_bench.cli.views.faults import faults_text
from vmedia_bench.cli.views.sessions import sessions_text

RING_HEAD = (
    "ring",
    "size",
    "running",
    "avail",
    "used",
    "offered",
    "in flight",
    "features",
    "trouble",
)


def status_text(status: dict[str, Any]) -> str:
    """State, memory, rings and counters."""
    rings = [_ring(ring) for ring in status["rings"]]
    counted = [(name.replace("_", " "), str(n)) for name, n in status["counters"].items() if n]
    parts = [pairs(_head(status))]
    if rings:
        parts.append(table(RING_HEAD, rings))
    if counted:
        parts.append(", ".join(f"{name} {count}" for name, count in counted))
    return "\n\n".join(parts)


def snapshot_text(snapshot: dict[str, Any]) -> str:
    """Everything at one moment."""
    parts = [
        status_text(snapshot["status"]),
        sessions_text(snapshot),
        queues_text(snapshot),
        faults_text(snapshot),
    ]
    if snapshot["controls"]:
        parts.append(controls_text(snapshot))
    return "\n\n".join(parts)


def wait_text(result: dict[str, Any]) -> str:
    """That it holds, and how long it took."""
    return f"{result['condition']} after {duration(result['waited_s'])}"


def config_text(config: dict[str, Any]) -> str:
    """The configuration space."""
    said = "the operator's" if config["overridden"] else "the backend's"
    return pairs(
        (
            ("card", config["card"]),
            (
                "device_caps",
                f"{config['device_caps']:#010x} {' '.join(config['device_caps_names'])}",
            ),
            ("device_type", str(config["device_type"])),
            ("bytes", config["hex"]),
            ("whose", said),
            ("announced", yes_no(config["announced"])),
        )
    )


def _head(status: dict[str, Any]) -> list[tuple[str, str]]:
    mapped = sum(1 for mapping in status["mappings"] if mapping["mapped"])
    arena = f"{size(status['arena_size'])}, {size(status['arena_used'])} in buffers"
    return [
        ("bench", f"{status['name']}  pid {status['pid']}  up {duration(status['uptime_s'])}"),
        ("version", status["version"]),
        ("socket", status["socket"]),
        ("vm", status["vm"]),
        ("front-end", status["peer"]),
        ("backend", f"{status['backend']}: {status['card']}"),
        ("features", " ".join(status["features"])),
        ("protocol", " ".join(status["protocol_features"])),
        ("guest memory", _regions(status["regions"])),
        ("arena", f"{arena}, {mapped} mapped by the guest"),
        ("sessions", str(status["sessions"])),
        ("events waiting", str(status["events_waiting"])),
        ("faults armed", str(status["faults_armed"])),
    ]


def _regions(regions: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{size(region['size'])} at {region['guest_address']:#x}"
        + ("" if region["mapped"] else " (not mapped: copied by system calls)")
        for region in regions
    )


def _ring(ring: dict[str, Any]) -> tuple[str, ...]:
    features = [name for name in ("event_idx", "indirect") if ring[name]]
    trouble = "held by a fault rule" if ring["stopped_by_operator"] else dash(ring["error"])
    return (
        ring["name"],
        str(ring["size"]),
        yes_no(ring["running"]),
        str(ring["avail_index"]),
        str(ring["used_index"]),
        str(ring["offered"]),
        str(ring["in_flight"]),
        " ".join(features) or "-",
        trouble,
    )


def stopped_text(_result: dict[str, Any]) -> str:
    """That it ends."""
    return "the bench ends"
