"""Session IDs."""

import pytest

from vmedia_bench.device.sessions import SessionTable
from vmedia_bench.v4l2.errors import V4l2Error


def test_an_id_is_not_reused_before_the_driver_has_closed_it() -> None:
    table = SessionTable(limit=10)
    first = table.open(0)
    first.failed_with = 5
    ids = {table.open(0).id for _ in range(9)}
    assert first.id not in ids
    assert len(ids) == 9


def test_ids_survive_70000_opens_without_a_clash() -> None:
    table = SessionTable(limit=10)
    kept = table.open(0)
    for _ in range(70_000):
        session = table.open(0)
        assert session.id != kept.id
        table.close(session.id)


def test_ids_wrap_round_past_those_still_open() -> None:
    table = SessionTable(limit=10)
    first = table.open(0)
    table._next_id = 0xFFFF_FFFF
    last = table.open(0)
    after = table.open(0)
    assert (first.id, last.id, after.id) == (1, 0xFFFF_FFFF, 2)


def test_a_flood_of_sessions_ends_in_ebusy() -> None:
    table = SessionTable(limit=2)
    table.open(0)
    table.open(0)
    with pytest.raises(V4l2Error, match="EBUSY"):
        table.open(0)


def test_closing_an_unknown_session_is_no_event() -> None:
    assert SessionTable(limit=2).close(7) is None
