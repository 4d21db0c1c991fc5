"""Every field with its bytes: the same as wire.layouts decodes, and the places are true."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.trace.decoded import EVENT_SIDE, REQUEST, RESPONSE, Field, decode, find, tree
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media
from vmedia_bench.wire.layouts.decode import decode_command, decode_event, decode_response
from vmedia_bench.wire.layouts.leaves import Name


def the(records: tuple[Record, ...], name: str, kind: Kind = Kind.COMMAND) -> Record:
    """The first good record of that name."""
    for record in records:
        entry = summarize(record)
        if entry.name == name and record.kind == kind and entry.status <= 0:
            return record
    raise AssertionError(f"no {name}")


def values(shown: Any) -> Iterator[str]:
    """All leaves of plain data as text, in order."""
    if isinstance(shown, dict):
        for name, member in shown.items():
            if not name.startswith("_"):
                yield from values(member)
    elif isinstance(shown, list):
        for member in shown:
            yield from values(member)
    else:
        yield str(shown)


def sides(record: Record) -> dict[str, bytes]:
    if record.kind == Kind.EVENT:
        return {EVENT_SIDE: record.response}
    return {REQUEST: record.request, RESPONSE: record.response}


def test_a_qbuf_shows_every_field_of_both_sides(probe_trace: tuple[Record, ...]) -> None:
    decoded = decode(the(probe_trace, "QBUF"))
    shown = {field.path: field.text for field in decoded.fields}
    assert shown["request.cmd"] == "IOCTL"
    assert shown["request.code"] == "QBUF"
    assert shown["request.buffer.memory"] == "MMAP"
    assert shown["request.buffer.type"] == "VIDEO_CAPTURE"
    assert shown["response.status"] == "OK"
    assert set(shown["response.buffer.flags"].split("|")) > {"MAPPED", "QUEUED"}
    assert decoded.problems == ()


def test_planes_and_sg_entries_are_numbered(
    mplane_trace: tuple[Record, ...], userptr_trace: tuple[Record, ...]
) -> None:
    planes = {field.path for field in decode(the(mplane_trace, "QBUF")).fields}
    assert {"request.planes.0.length", "response.planes.0.m.mem_offset"} <= planes
    lists = [
        f for f in decode(the(userptr_trace, "QBUF")).fields if f.path.startswith("request.sg")
    ]
    assert lists[0].path == "request.sg.0.0.start"
    assert {field.path.split(".")[3] for field in lists} == {"0", "1", "2"}


def test_an_answer_repeats_the_whole_array_though_fewer_planes_count(
    mplane_trace: tuple[Record, ...],
) -> None:
    query = the(mplane_trace, "QUERYBUF")
    spare = bytes(64)
    request = query.request[:88] + (3).to_bytes(4, "little") + query.request[92:]
    planes = 3 - int.from_bytes(query.response[80:84], "little")
    record = query._replace(
        request=request + planes * spare, response=query.response + planes * spare
    )
    assert planes > 0
    assert decode(record).problems == ()
    assert decode(record._replace(response=record.response + b"more")).problems == (
        "4 bytes are left over in the response",
    )


def test_an_event_shows_its_buffer(probe_trace: tuple[Record, ...]) -> None:
    shown = {field.path: field for field in decode(the(probe_trace, "DQBUF", Kind.EVENT)).fields}
    assert shown["event.event"].text == "DQBUF"
    assert shown["event.buffer.index"].side == EVENT_SIDE
    assert isinstance(shown["event.buffer.sequence"].value, int)


def test_a_byte_has_its_field(probe_trace: tuple[Record, ...]) -> None:
    decoded = decode(the(probe_trace, "QBUF"))
    index = decoded.at(REQUEST, 19)
    assert index is not None
    assert (index.path, index.offset, index.length) == ("request.buffer.index", 16, 4)
    assert decoded.at(RESPONSE, 3).name == "status"  # type: ignore[union-attr]
    assert decoded.at(REQUEST, 16 + 20) is None, "padding behind `field`"
    assert decoded.at(REQUEST, 5000) is None


def test_real_traffic_is_decoded_as_the_layouts_do(variety: list[Record]) -> None:
    for record in variety:
        decoded = decode(record)
        if record.kind == Kind.COMMAND:
            answer = decode_response(record.request, record.response)
            shown = [decode_command(record.request), answer]
        elif record.kind == Kind.EVENT:
            shown = [decode_event(record.response)]
        else:
            shown = []
        assert [field.text for field in decoded.fields] == list(values(shown))


def test_fields_lie_within_their_bytes_and_do_not_cross(variety: list[Record]) -> None:
    for record in variety:
        for side, data in sides(record).items():
            end = 0
            for field in decode(record).side(side):
                assert field.offset + field.length <= len(data)
                # Only a second reading of the same bytes begins where the one before did.
                assert field.offset >= end or _reads_again(field)
                end = max(end, field.offset + field.length)


def _reads_again(field: Field) -> bool:
    return field.name in {"value64", "name", "minimum"}


def test_a_number_is_where_its_field_says(variety: list[Record]) -> None:
    for record in variety:
        for field in decode(record).fields:
            if isinstance(field.value, int):
                data = sides(record)[field.side][field.offset : field.offset + field.length]
                signed = field.c_type.startswith("s")
                assert int.from_bytes(data, "little", signed=signed) == field.value


def test_a_tree_is_what_json_gets(userptr_trace: tuple[Record, ...]) -> None:
    shown = tree(the(userptr_trace, "QBUF"))
    assert shown["request"]["buffer"]["memory"] == "USERPTR"
    assert shown["request"]["sg"][0][0]["len"] > 0
    assert shown["response"]["status"] == "OK"
    assert "_error" not in shown


def test_what_is_wrong_is_said(probe_trace: tuple[Record, ...]) -> None:
    qbuf = the(probe_trace, "QBUF")
    assert decode(qbuf._replace(request=qbuf.request[:50])).problems == (
        "v4l2_buffer has 88 bytes, 34 are here",
    )
    assert decode(qbuf._replace(response=qbuf.response + b"more")).problems == (
        "4 bytes are left over in the response",
    )
    assert decode(qbuf._replace(response=b"")).problems == ("no answer",)
    event = Record(1, Kind.EVENT, 0, 0, response=media.EVENT_HEADER.pack(9, 1))
    assert decode(event).problems == ("unknown event 9",)


def test_a_name_finds_its_fields_and_no_others(mplane_trace: tuple[Record, ...]) -> None:
    qbuf = the(mplane_trace, "QBUF")

    def paths(text: str) -> list[str]:
        return [field.path for field in find(qbuf, Name(text))]

    assert paths("index") == ["request.buffer.index", "response.buffer.index"]
    assert paths("request.index") == ["request.buffer.index"]
    assert paths("planes.length") == ["request.planes.0.length", "response.planes.0.length"]
    assert paths("planes.1.length") == []
    assert paths("pixelformat") == []


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(list(Kind)),
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda code, rest: media.CMD_SESSION.pack(media.CMD_IOCTL, 3, code) + rest,
            st.integers(0, 110),
            st.binary(max_size=400),
        ),
    ),
    st.binary(max_size=700),
)
def test_no_bytes_break_it(kind: Kind, request: bytes, response: bytes) -> None:
    record = Record(1, kind, 0, 1, request=request, response=response)
    decoded = decode(record)
    for field in decoded.fields:
        data = sides(record)[field.side]
        assert 0 <= field.offset <= field.offset + field.length <= len(data)
        assert field.text.isprintable()
    tree(record)


@pytest.mark.parametrize("module", ["entry", "filter", "stats", "ring", "file", "source"])
def test_construct_is_loaded_only_where_a_record_is_looked_into(module: str) -> None:
    check = f"import sys, vmedia_bench.trace.{module}; sys.exit('construct' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
