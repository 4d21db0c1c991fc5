"""The filter language: what its sentences mean, held against plain Python, and its mistakes."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmedia_bench.trace.entry import NO_STATUS, Entry, summarize
from vmedia_bench.trace.filter import FilterError, compile_filter
from vmedia_bench.trace.filter_completion import complete
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire import media, structs
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.ioctls import IOCTLS

QBUF, G_FMT, S_FMT = 15, 4, 5


def ioctl(
    number: int, session: int = 3, status: int = 0, took_ns: int = 1000, **more: int
) -> Record:
    payload = bytes(IOCTLS[number].size)
    if number == QBUF:
        payload = structs.U32.pack(more.get("index", 0)) + payload[4:]
    request = media.CMD_SESSION.pack(media.CMD_IOCTL, session, number) + payload
    response = media.RESP_HEADER.pack(status) + (b"" if status else payload)
    return Record(1, Kind.COMMAND, 5, 5 + took_ns, used=16, request=request, response=response)


def event(kind: int, session: int = 3) -> Record:
    data = media.EVENT_HEADER.pack(kind, session)
    return Record(2, Kind.EVENT, 5, 5, response=data.ljust(media.EVENT_DQBUF_SIZE, b"\0"))


FAULT = Record(3, Kind.FAULT, 5, 5, note="answered EIO", session=3, rule=2)
NOTE = Record(4, Kind.NOTE, 5, 5, note="front-end connected")
OPEN = Record(
    5,
    Kind.COMMAND,
    5,
    9,
    request=media.CMD_HEADER.pack(media.CMD_OPEN, 0),
    response=media.RESP_OPEN.pack(0, 9),
)


def matches(text: str, record: Record) -> bool:
    return compile_filter(text)(record)


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("ioctl == VIDIOC_QBUF", ioctl(QBUF), ioctl(G_FMT)),
        ("ioctl == QBUF", ioctl(QBUF), event(media.EVT_DQBUF)),
        ("ioctl == 15", ioctl(QBUF), ioctl(G_FMT)),
        ("ioctl in (qbuf, G_FMT)", ioctl(G_FMT), ioctl(S_FMT)),
        ("ioctl != QBUF", ioctl(G_FMT), event(media.EVT_DQBUF)),
        ("not ioctl == QBUF", event(media.EVT_DQBUF), ioctl(QBUF)),
        ("session == 3", ioctl(QBUF, 3), ioctl(QBUF, 4)),
        ("session == 9", OPEN, ioctl(QBUF)),
        ("status != 0", ioctl(QBUF, status=22), ioctl(QBUF)),
        ("status == EINVAL", ioctl(QBUF, status=22), ioctl(QBUF, status=5)),
        ("status == OK", ioctl(QBUF), ioctl(QBUF, status=5)),
        ("status in (EIO, 22)", ioctl(QBUF, status=22), ioctl(QBUF)),
        ("failed", ioctl(QBUF, status=22), ioctl(QBUF)),
        ("latency > 1ms", ioctl(QBUF, took_ns=2_000_000), ioctl(QBUF, took_ns=1_000_000)),
        ("latency <= 1.5us", ioctl(QBUF, took_ns=1500), ioctl(QBUF, took_ns=1501)),
        ("latency >= 0", ioctl(QBUF), event(media.EVT_DQBUF)),
        ("kind == event", event(media.EVT_DQBUF), ioctl(QBUF)),
        ("event == DQBUF", event(media.EVT_DQBUF), event(media.EVT_EVENT)),
        ("event", event(media.EVT_EVENT), ioctl(QBUF)),
        ("command == OPEN", OPEN, ioctl(QBUF)),
        ("fault", FAULT, NOTE),
        ("fault == 2", FAULT, ioctl(QBUF)),
        ("note contains connected", NOTE, FAULT),
        ('note matches "^answered +E"', FAULT, NOTE),
        ("index == 2", ioctl(QBUF, index=2), ioctl(QBUF, index=1)),
        ("request.buffer.index > 1", ioctl(QBUF, index=2), ioctl(QBUF, index=1)),
        ("response.index == 2", ioctl(QBUF, index=2), ioctl(QBUF, index=2, status=22)),
        ("index", ioctl(QBUF, index=2), ioctl(QBUF, index=0)),
        ("memory == MMAP or index == 2", ioctl(QBUF, index=2), ioctl(QBUF, index=1)),
        ("used == 16 and name == QBUF", ioctl(QBUF), ioctl(G_FMT)),
        ("text contains 'index=2'", ioctl(QBUF, index=2), ioctl(QBUF)),
        ("name == qbuf AND session == 3", ioctl(QBUF), ioctl(QBUF, 4)),
        ("not (session == 3 or session == 4)", ioctl(QBUF, 5), ioctl(QBUF, 4)),
        ("!(session == 3) && !fault", ioctl(QBUF, 5), FAULT),
        ("session == 3 or session == 4 and failed", ioctl(QBUF, 3), ioctl(QBUF, 4)),
    ],
)
def test_what_a_sentence_means(text: str, yes: Record, no: Record) -> None:
    assert matches(text, yes)
    assert not matches(text, no)


def test_an_empty_filter_wants_everything() -> None:
    assert all(matches("  ", record) for record in (FAULT, NOTE, OPEN))


def test_records_are_selected_in_order() -> None:
    records = [ioctl(QBUF), NOTE, ioctl(QBUF, 4), FAULT]
    assert list(compile_filter("kind == command").select(records)) == [records[0], records[2]]


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("ioctl == VIDIOC_QBUFF", 9, "no V4L2 ioctl; did you mean QBUF"),
        ("status == EINVL", 10, "no errno; did you mean EINVAL"),
        ("status == EOI", 10, "no errno; did you mean EIO,"),
        ("sesion == 3", 0, "no field 'sesion'; did you mean session"),
        ("statu == 3", 0, "no field 'statu'; did you mean status, start?"),
        ("request.bufer.index == 1", 0, "no field 'bufer'; did you mean buffer"),
        ("planes.0 == 1", 0, "ends in a number"),
        ("kind == frame", 8, "no kind; there are command, event, fault, note"),
        ("event == QBUF", 9, "is no event; there are ERROR, DQBUF"),
        ("command == DQBUF", 11, "is no command"),
        ("latency > 3", 10, "write 3us, 3ms or 3s"),
        ("latency > fast", 10, "is no time: 250us"),
        ("session <", 9, "a value is missing"),
        ("session == 3 and", 16, "a field is missing"),
        ("and session == 3", 0, "a field is missing before 'and'"),
        ("session == or", 11, "a value is missing before 'or'"),
        ("(session == 3", 13, "a closing parenthesis is missing"),
        ("session == 3)", 12, "an opening parenthesis before this is missing"),
        ("session == 3 fault", 13, "and, or is missing"),
        ("session in 3", 11, "takes a list"),
        ("session in (3, 4", 16, "the list has no end"),
        ("name matches '('", 13, "not a regular expression"),
        ("name < QBUF", 7, "< needs a number"),
        ("name == 'QBUF", 8, "a text without an end"),
        ("name == #", 8, "'#' means nothing"),
        ("(" * 100, 64, "more than 64"),
    ],
)
def test_a_mistake_has_a_place_and_a_reason(text: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as found:
        compile_filter(text)
    assert message in found.value.message
    assert found.value.position == position
    shown, caret, reason = found.value.pointed().split("\n")
    assert (shown, caret.index("^")) == (text, position)
    assert reason == found.value.message


# A straightforward evaluator: what a sentence means, written in Python.
Meaning = Callable[[Entry], bool]
Sentence = tuple[str, Meaning]

COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def of_session(mark: str, number: int) -> Sentence:
    holds = COMPARE[mark]
    return (
        f"session {mark} {number}",
        lambda entry: bool(entry.session) and holds(entry.session, number),
    )


def of_status(mark: str, number: int) -> Sentence:
    holds = COMPARE[mark]
    name = errno_name(number) if number else "0"
    return (
        f"status {mark} {name}",
        lambda entry: entry.status != NO_STATUS and holds(entry.status, number),
    )


def of_latency(mark: str, micros: int) -> Sentence:
    holds = COMPARE[mark]
    return (
        f"latency {mark} {micros}us",
        lambda entry: entry.kind == Kind.COMMAND and holds(entry.latency_ns, micros * 1000),
    )


def of_kind(kind: Kind) -> Sentence:
    return f"kind == {kind}", lambda entry: entry.kind == kind


marks = st.sampled_from(list(COMPARE))
simple: st.SearchStrategy[Sentence] = st.one_of(
    st.builds(of_session, marks, st.integers(1, 12)),
    st.builds(of_status, st.sampled_from(["==", "!=", "<", ">="]), st.sampled_from([0, 5, 22, 25])),
    st.builds(of_latency, marks, st.integers(0, 200)),
    st.builds(of_kind, st.sampled_from(list(Kind))),
)


def negated(one: Sentence) -> Sentence:
    text, meaning = one
    return f"not ({text})", lambda entry: not meaning(entry)


def joined(one: Sentence, word: str, other: Sentence) -> Sentence:
    (left, first), (right, second) = one, other
    if word == "and":
        return f"({left}) and ({right})", lambda entry: first(entry) and second(entry)
    return f"({left}) or ({right})", lambda entry: first(entry) or second(entry)


sentences = st.recursive(
    simple,
    lambda inner: (
        st.builds(negated, inner) | st.builds(joined, inner, st.sampled_from(["and", "or"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_sentences_mean_what_plain_python_says(
    probe_trace: tuple[Record, ...], sentence: Sentence
) -> None:
    text, meaning = sentence
    wanted = compile_filter(text)
    for record in probe_trace[-200:]:
        entry = summarize(record)
        assert wanted(record, entry) == meaning(entry), (text, entry)


def place_of_a_mistake(text: str) -> int:
    """0 where there is none."""
    try:
        compile_filter(text)(FAULT)
    except FilterError as problem:
        return problem.position
    return 0


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused_with_a_place(text: str) -> None:
    assert 0 <= place_of_a_mistake(text) <= len(text)
    complete(text)


@pytest.mark.parametrize(
    ("text", "start", "among"),
    [
        ("", 0, ("ioctl", "session", "not")),
        ("ses", 0, ("session",)),
        ("ioctl ", 6, ("==", "!=", "in", "and")),
        ("ioctl == Q", 9, ("QBUF", "QUERYBUF")),
        ("status == EIN", 10, ("EINVAL", "EINTR")),
        ("kind in (", 9, ("command", "event")),
        ("kind in (event, f", 16, ("fault",)),
        ("session == 3 ", 13, ("and", "or")),
        ("session == 3 and la", 17, ("latency",)),
        ("session == ", 11, ("3", "5")),
        ("bytesu", 0, ("bytesused",)),
        ("request.buffer.ind", 0, ("request.buffer.index",)),
        ("not (fault or ev", 14, ("event",)),
        ("name == 'a b' ", 14, ("and", "or")),
    ],
)
def test_what_may_come_next(text: str, start: int, among: tuple[str, ...]) -> None:
    found = complete(text, {"session": ["3", "5"]})
    assert found.start == start
    assert set(among) <= set(found.candidates)


def test_a_completed_word_begins_as_it_was_begun() -> None:
    assert complete("ioctl == QB").candidates[0] == "QBUF"
    assert complete("ioctl == nothing like it").candidates == ()
    assert complete("name == 'open").candidates == ()
