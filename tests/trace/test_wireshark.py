"""The Wireshark dissector, run by tshark, against our own decoding: same fields, same bytes."""

import random
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vmedia_bench.trace.decoded import EVENT_SIDE, REQUEST, RESPONSE, Field, decode
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.export import FORMATS, write_records
from vmedia_bench.trace.export.dissector import script
from vmedia_bench.trace.export.pcapng import HEADER
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media

SCRIPT = Path(__file__).parents[2] / "docs" / "wireshark" / "vmedia.lua"
FIELD_OF_A_STRUCTURE = re.compile(r"vmedia\.\w+\.\w+")
Shown = tuple[int, int, str, str]
"""Offset, size, name and text of a field."""


def tshark(path: Path, *options: str) -> str:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("there is no tshark: apt install tshark")
    command = [program, "-r", str(path), "-X", f"lua_script:{SCRIPT}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(records: Iterable[Record], folder: Path) -> Path:
    path = folder / "trace.pcapng"
    with path.open("wb") as file:
        write_records(records, file, FORMATS["pcapng"], {"bench": "cam0"})
    return path


def ours(fields: Iterable[Field]) -> list[Shown]:
    """Fields as the dissector should show them."""
    shown = []
    for field in fields:
        *before, last = field.path.split(".")
        name = f"{before[-1]}[{last}]" if last.isdigit() else last
        shown.append((field.offset, field.length, name, field.text))
    return shown


def theirs(packet: ET.Element) -> list[Shown]:
    """The fields of structures in one packet of tshark's PDML."""
    proto = packet.find("proto[@name='vmedia']")
    assert proto is not None
    lengths = len(proto.findall(".//field[@name='vmedia.readable']"))
    lengths += len(proto.findall(".//field[@name='vmedia.writable']"))
    start = HEADER.size + 4 * lengths
    shown = []
    for field in proto.iter("field"):
        if FIELD_OF_A_STRUCTURE.fullmatch(field.get("name", "")) is None:
            continue
        label, _, text = field.get("showname", "").partition(": ")
        where = int(field.get("pos", "0")) - start, int(field.get("size", "0"))
        shown.append((*where, label.rpartition(".")[2], text))
    return shown


def as_bytes(shown: list[Shown]) -> list[Shown]:
    """Raw bytes are hexadecimal with all their zeros there, and without the last ones here."""
    raw = {"userbits", "raw_data", "data", "raw"}
    return [(at, size, name, "" if name in raw else text) for at, size, name, text in shown]


def test_the_script_is_what_the_declarations_give() -> None:
    assert SCRIPT.read_text() == script(), (
        "run: python -m vmedia_bench.trace.export.dissector > docs/wireshark/vmedia.lua"
    )


def test_every_field_is_dissected_as_it_is_decoded(variety: list[Record], tmp_path: Path) -> None:
    chosen = [record for record in variety if not decode(record).problems]
    packets = list(ET.fromstring(tshark(exported(chosen, tmp_path), "-T", "pdml")))
    expected = []
    for record in chosen:
        decoded = decode(record)
        if record.kind == Kind.COMMAND:
            expected.append(ours(decoded.side(REQUEST)))
            if record.response:
                expected.append(ours(decoded.side(RESPONSE)))
        else:
            expected.append(ours(decoded.side(EVENT_SIDE)))
    assert len(packets) == len(expected)
    for packet, fields in zip(packets, expected, strict=True):
        assert as_bytes(theirs(packet)) == as_bytes(fields)


def test_records_are_found_by_filters(probe_trace: tuple[Record, ...], tmp_path: Path) -> None:
    chosen = [r for r in probe_trace if not summarize(r).name.startswith("ENUM_FRAME")]
    path = exported(chosen, tmp_path)

    def matching(text: str) -> set[int]:
        found = tshark(path, "-Y", text, "-T", "fields", "-e", "vmedia.seq")
        return {int(seq) for seq in found.split()}

    entries = [summarize(record) for record in chosen]
    assert matching('vmedia.ioctl == "QBUF"') == {e.seq for e in entries if e.name == "QBUF"}
    assert matching("vmedia.status == 22 && !vmedia.event") == {
        e.seq for e in entries if e.status == 22
    }
    assert matching("vmedia.session == 11") == {e.seq for e in entries if e.session == 11}
    assert matching('vmedia.event == "DQBUF"') == {
        e.seq for e in entries if e.name == "DQBUF" and e.kind == Kind.EVENT
    }
    assert matching('vmedia.note contains "EVT_ERROR"') == {
        e.seq for e in entries if e.kind == Kind.FAULT
    }


def test_the_list_says_what_a_packet_is(userptr_trace: tuple[Record, ...], tmp_path: Path) -> None:
    lines = tshark(exported(userptr_trace, tmp_path), "-T", "fields", "-e", "_ws.col.Info")
    assert lines.splitlines()[:4] == [
        "OPEN session 1",
        "OPEN session 1 -> OK",
        "SUBSCRIBE_EVENT session 1",
        "SUBSCRIBE_EVENT session 1 -> OK",
    ]


def test_hostile_bytes_do_not_break_the_dissector(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    some = []
    for seq in range(1, 600):
        code = chance.randrange(110)
        start = media.CMD_SESSION.pack(chance.choice((1, 2, 3, 3, 3, 4, 5, 99)), seq, code)
        request = start[: chance.choice((4, 12, 16, 16))] + chance.randbytes(chance.randrange(300))
        response = bytes(chance.choice((4, 8))) + chance.randbytes(chance.randrange(300))
        kind = chance.choice((Kind.COMMAND, Kind.COMMAND, Kind.EVENT))
        if kind == Kind.EVENT:
            request, response = b"", chance.choice((b"\0", b"\1", b"\2")) + bytes(3) + response
        some.append(Record(seq, kind, seq, seq + 1, request=request, response=response))
    shown = tshark(exported(some, tmp_path), "-V")
    assert "Lua Error" not in shown
    assert shown.count("virtio-media (vmedia-bench trace)") >= len(some)
