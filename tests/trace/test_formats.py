"""All formats in one suite: what is written can be read again, and what is damaged is said."""

import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.trace.export import FORMATS, format_for, write_records
from vmedia_bench.trace.file import Packer, TraceFileError, TraceReader, header
from vmedia_bench.trace.record import Kind, Record, from_json, to_json
from vmedia_bench.trace.ring import TraceRing
from vmedia_bench.trace.source import open_trace

READABLE = [each.name for each in FORMATS.values() if each.readable]
METADATA = {"bench": "cam0", "monotonic_ns": 5, "realtime_ns": 1_700_000_000_000_000_000}

u64 = st.integers(0, (1 << 63) - 1)
u32 = st.integers(0, (1 << 32) - 1)
lengths = st.lists(u32, max_size=5).map(tuple)
commands = st.builds(
    lambda *fields: Record(fields[0], Kind.COMMAND, *fields[1:]),
    u64,
    u64,
    u64,
    st.integers(0, 65535),
    lengths,
    lengths,
    u32,
    st.binary(max_size=300),
    st.binary(max_size=300),
)
events = commands.map(lambda command: command._replace(kind=Kind.EVENT, request=b""))
remarks = st.builds(
    lambda seq, kind, time, note, session, rule: Record(
        seq, kind, time, time, note=note, session=session, rule=rule
    ),
    u64,
    st.sampled_from([Kind.FAULT, Kind.NOTE]),
    u64,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
    u32,
    u32,
)
records = st.lists(commands | events | remarks, max_size=20, unique_by=lambda record: record.seq)


def written(name: str, some: list[Record], folder: Path) -> Path:
    path = folder / f"trace{FORMATS[name].suffix}"
    with path.open("wb") as file:
        assert write_records(some, file, FORMATS[name], METADATA) == len(some)
    return path


@pytest.mark.parametrize("name", READABLE)
@settings(max_examples=50, deadline=None)
@given(some=records)
def test_what_is_written_is_read_again(
    name: str, some: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(name, some, tmp_path_factory.mktemp("formats"))
    with open_trace(path) as trace:
        assert list(trace) == some
        assert trace.metadata == METADATA
        assert trace.cut_off == ""


@pytest.mark.parametrize("name", READABLE)
def test_real_traffic_survives(name: str, trace: tuple[Record, ...], tmp_path: Path) -> None:
    with open_trace(written(name, list(trace), tmp_path)) as read:
        assert tuple(read) == trace


@pytest.mark.parametrize("name", READABLE)
def test_a_file_that_was_cut_is_read_up_to_its_last_whole_record(
    name: str, userptr_trace: tuple[Record, ...], tmp_path: Path
) -> None:
    some = list(userptr_trace[:5])
    path = written(name, some, tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    with open_trace(path) as trace:
        found = list(trace)
        assert found[:4] == some[:4]
        assert len(found) == 4 or found[4] == some[4]._replace(response=b"")
        assert "ends within" in trace.cut_off


@pytest.mark.parametrize("name", READABLE)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=400), at=st.integers(0, 2000))
def test_damage_is_a_trace_file_error_or_nothing(
    name: str, data: bytes, at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    some = [
        Record(seq, Kind.COMMAND, 1, 2, 3, (4,), (8,), 8, b"abcd", b"12345678") for seq in (1, 2)
    ]
    path = written(name, some, tmp_path_factory.mktemp("formats"))
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(TraceFileError), open_trace(path) as trace:
        list(trace)


def test_the_ring_packs_what_a_reader_gives_back() -> None:
    ring = TraceRing(now=lambda: 99)
    chain = (7, b"request", 12, ((0, 4), (64, 8)), (3, 4))
    ring.command(chain, b"more than fits there", 12, 1000, 2000)
    ring.fault("EIO", session=3, rule=1)
    ring.event((1, b"", 4, ((0, 4),), ()), b"even", 4, 3000)
    packed: list[bytes] = []
    packer = Packer()
    ring.add_sink(lambda first, raw: packed.append(packer.pack(first, raw)), kept=True)
    reader = TraceReader(io.BytesIO(header({}) + b"".join(packed)))
    assert tuple(reader) == ring.read().records


def test_a_record_goes_through_json() -> None:
    record = Record(5, Kind.COMMAND, 1, 2, 3, (16, 88), (8, 88), 96, b"\0\1", b"\2")
    fields = json.loads(json.dumps(to_json(record)))
    assert fields["ring"] == 0
    assert fields["request"] == "AAE="
    assert from_json(fields) == record
    with pytest.raises(ValueError, match="frame"):
        from_json(fields | {"kind": "frame"})


def test_a_newer_format_is_refused_by_its_version(tmp_path: Path) -> None:
    path = tmp_path / "new.vmtrace"
    path.write_bytes(b"VMTRACE\n\x02\0\0\0\0\0\0\0")
    with pytest.raises(TraceFileError, match="version 2"), open_trace(path):
        pass


@pytest.mark.parametrize("suffix", [".vmtrace", ".pcapng", ".jsonl", ".anything"])
def test_what_is_no_trace_is_called_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file{suffix}"
    path.write_bytes(b"\x7fELF and more of that kind\n")
    with pytest.raises(TraceFileError, match="no"), open_trace(path):
        pass


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", "5"),
        ("seq", -1),
        ("start_ns", 1 << 63),
        ("end_ns", 1.5),
        ("head", 65536),
        ("used", None),
        ("rule", 1 << 32),
        ("readable", [-1]),
        ("writable", ["x"]),
        ("writable", [0] * 65536),
        ("note", 7),
    ],
)
def test_a_line_that_no_file_could_hold_is_no_record(
    tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "t.jsonl"
    fields = to_json(Record(5, Kind.COMMAND, 1, 2, 3, (16, 88), (8, 88), 96, b"\0\1", b"\2"))
    path.write_text(json.dumps(fields | {field: value}) + "\n")
    with pytest.raises(TraceFileError, match=field), open_trace(path) as trace:
        list(trace)


@pytest.mark.parametrize("text", ["[" * 200_000, "\0" * 1000])
def test_a_line_that_is_too_much_is_no_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("vmedia_bench.trace.export.jsonl.LONGEST", 500_000)
    path = tmp_path / "t.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(TraceFileError, match="line 1 is no JSON"), open_trace(path):
        pass


def test_clocks_that_are_none_are_no_pcapng() -> None:
    with pytest.raises(ValueError, match="realtime_ns"):
        write_records([], io.BytesIO(), FORMATS["pcapng"], {"realtime_ns": None})


def test_what_cannot_be_read_back_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(TraceFileError, match=r"\.vmtrace, \.jsonl, \.pcapng"):
        open_trace(tmp_path / "a.fields.jsonl").__enter__()


def test_formats_are_found_by_suffix_and_by_name() -> None:
    assert format_for(Path("a.jsonl")).name == "jsonl"
    assert format_for(Path("a.fields.jsonl")).name == "fields"
    assert format_for(Path("a.json")).name == "v4l2-tracer"
    assert format_for(Path("a.txt"), "pcapng").name == "pcapng"
    with pytest.raises(ValueError, match="suffix says no format"):
        format_for(Path("a.txt"))
    with pytest.raises(ValueError, match="'csv' is no format; there are vmtrace"):
        format_for(Path("a.csv"), "csv")
