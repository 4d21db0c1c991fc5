"""Bytes become the same lines however they were cut up on the way."""

import pytest

from vmedia_bench.control.server.lines import LineReader, LineTooLongError

STREAM = b'{"a": 1}\n\n  \n{"b": 2}\r\nrest'
LINES = [b'{"a": 1}', b'{"b": 2}\r']


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_pieces_of_any_size_give_the_same_lines(size: int) -> None:
    reader = LineReader(100)
    found: list[bytes] = []
    for start in range(0, len(STREAM), size):
        found += reader.feed(STREAM[start : start + size])
    assert found == LINES
    assert reader.rest() == b"rest"
    assert reader.rest() == b""


def test_a_line_of_the_limit_with_its_newline_is_taken() -> None:
    assert list(LineReader(10).feed(b"123456789\n")) == [b"123456789"]


@pytest.mark.parametrize("data", [b"1234567890\n", b"1234567890", b"ok\n1234567890"])
def test_a_longer_one_is_not(data: bytes) -> None:
    with pytest.raises(LineTooLongError):
        list(LineReader(10).feed(data))


def test_lines_before_a_too_long_one_are_given() -> None:
    found = []
    feed = LineReader(10).feed(b"ok\n" + b"x" * 20)
    found.append(next(feed))
    with pytest.raises(LineTooLongError):
        next(feed)
    assert found == [b"ok"]


def test_a_line_that_comes_in_two_parts_counts_as_a_whole() -> None:
    reader = LineReader(10)
    assert list(reader.feed(b"12345")) == []
    with pytest.raises(LineTooLongError):
        list(reader.feed(b"67890\n"))
