"""docs/trace.md says what the code does."""

from pathlib import Path

from vmedia_bench.replay.player import IMPATIENT_S
from vmedia_bench.trace import file, recording
from vmedia_bench.trace.export import FORMATS
from vmedia_bench.trace.export.pcapng import HEADER, LINKTYPE_USER0
from vmedia_bench.trace.filter_fields import LISTED
from vmedia_bench.trace.ring import TraceRing

PAGE = (Path(__file__).parents[2] / "docs" / "trace.md").read_text()
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}


def fixed_size(title: str, heading: str) -> int:
    """Bytes of the fixed fields in a table of a section."""
    section = PAGE.split(f"### {title}")[1].split("\n### ")[0]
    rows = section.split(f"| bytes | {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    kinds = [row.split("|")[1].strip() for row in rows]
    return sum(
        SIZES.get(part.strip(), int(part) if part.strip().isdigit() else 0)
        for kind in kinds
        if "each" not in kind
        for part in kind.split(",")
        if part.strip()
    )


def test_every_field_of_the_language_is_there() -> None:
    for name, field in LISTED.items():
        assert f"| `{name}` | {field.help} |" in PAGE


def test_every_format_is_there() -> None:
    for each in FORMATS.values():
        assert f"| `{each.suffix}` | {each.name} |" in PAGE


def test_the_layouts_have_the_sizes_of_the_codecs() -> None:
    assert fixed_size(".vmtrace", "header") == file.HEADER.size
    assert fixed_size(".vmtrace", "record") == file.RECORD.size
    assert fixed_size("Wireshark", "header") == HEADER.size


def test_the_figures_are_the_code_s() -> None:
    ring = TraceRing()
    assert f"{ring.max_records:,} records or {ring.max_bytes >> 20} MiB" in PAGE
    assert f"more than {recording.MOST_BEHIND >> 20} MB behind" in PAGE
    assert f"no longer than {IMPATIENT_S * 1000:.0f} ms" in PAGE.replace("\n", " ")
    assert f"USER0 ({LINKTYPE_USER0})" in PAGE
