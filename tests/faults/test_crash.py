"""Which rules need leave because they may crash a guest."""

from typing import Any

import pytest

from tests.faults.rig import COMMAND, DQBUF, EVENT, NOW, QBUF
from vmedia_bench.faults import crash
from vmedia_bench.faults.check import checked
from vmedia_bench.faults.crash import risk_of
from vmedia_bench.faults.rule import Action, Do, Match, On, Rule


def reason(match: Match, **action: Any) -> str:
    """Why a rule needs leave, "" where it does not."""
    risk = risk_of(checked(Rule(match=match, action=Action(**action))))
    return risk.reason if risk is not None and risk.asks else ""


def command(**fields: Any) -> Match:
    return Match(on=On.COMMAND, **fields)


def put(field: str, value: str) -> dict[str, Any]:
    return {"do": Do.CORRUPT, "field": field, "value": value}


@pytest.mark.parametrize(
    ("match", "action", "why"),
    [
        (COMMAND, {"do": Do.DELAY, "delay_ms": 4499}, ""),
        (COMMAND, {"do": Do.DELAY, "delay_ms": 4500}, crash.LATE),
        (COMMAND, {"do": Do.ERRNO, "errno": "EIO", "delay_ms": 6000}, crash.LATE),
        (COMMAND, {"do": Do.ERRNO, "errno": "EIO"}, ""),
        (COMMAND, {"do": Do.NEVER}, ""),
        (EVENT, {"do": Do.DELAY, "delay_ms": 60_000}, ""),
        (EVENT, {"do": Do.DROP}, ""),
        (DQBUF, {"do": Do.REORDER}, ""),
        (DQBUF, {"do": Do.DUPLICATE}, crash.TWICE),
        (EVENT, {"do": Do.DUPLICATE}, crash.TWICE),
        (Match(on=On.EVENT, event="EVENT"), {"do": Do.DUPLICATE}, ""),
        (DQBUF, {"do": Do.FLAG, "flags": ("ERROR",), "bytesused": 1 << 31}, ""),
        (NOW, {"do": Do.DQBUF, "buffer": 31}, crash.UNASKED),
        (NOW, {"do": Do.DQBUF, "buffer": 32}, ""),
        (NOW, {"do": Do.SOURCE_CHANGE}, ""),
        (NOW, {"do": Do.SESSION_ERROR, "errno": "EIO"}, ""),
        (NOW, {"do": Do.DISCONNECT}, crash.VMM_ABORTS),
        (NOW, {"do": Do.STOP_RING, "ring": 1}, ""),
        (NOW, {"do": Do.STOP_RING, "ring": 0}, crash.LATE),
        (NOW, {"do": Do.STOP_RING, "ring": 0, "delay_ms": 1000}, ""),
        (NOW, {"do": Do.CONFIG, "card": "x"}, ""),
        (QBUF, {"do": Do.HEADER_ONLY}, crash.HALF_QUEUED),
        (COMMAND, {"do": Do.HEADER_ONLY}, crash.HALF_QUEUED),
        (command(ioctl="G_FMT"), {"do": Do.HEADER_ONLY}, ""),
        (command(command="MMAP"), {"do": Do.HEADER_ONLY}, ""),
        (QBUF, {"do": Do.USED_LENGTH, "length": 95}, crash.HALF_QUEUED),
        (QBUF, {"do": Do.USED_LENGTH, "length": 1 << 31}, ""),
        (QBUF, put("status", "EIO"), crash.HALF_QUEUED),
        (QBUF, put("payload.type", "9"), crash.TRUSTED),
        (QBUF, put("payload.flags", "0"), ""),
        (command(ioctl="G_FMT"), {"do": Do.CORRUPT, "hex": "ff" * 216}, ""),
        (
            command(ioctl="REQBUFS"),
            put("count", "9"),
            crash.TRUSTED,
        ),
        (command(ioctl="REQBUFS"), put("capabilities", "0"), ""),
        (
            command(ioctl="CREATE_BUFS"),
            put("index", "9"),
            crash.TRUSTED,
        ),
        (
            command(command="MMAP"),
            put("driver_addr", "9"),
            crash.TRUSTED,
        ),
        (command(command="MMAP"), put("len", "9"), ""),
        (
            command(command="OPEN"),
            put("session_id", "9"),
            crash.TRUSTED,
        ),
        (DQBUF, put("buffer.index", "1"), crash.TRUSTED),
        (DQBUF, put("session_id", "1"), crash.TRUSTED),
        (DQBUF, put("buffer.field", "9"), ""),
        (Match(on=On.EVENT, event="EVENT"), {"do": Do.CORRUPT, "hex": "ff", "offset": 8}, ""),
        (EVENT, {"do": Do.CORRUPT, "hex": "ff", "offset": 8}, crash.TRUSTED),
    ],
)
def test_what_may_crash_a_guest(match: Match, action: dict[str, Any], why: str) -> None:
    assert reason(match, **action) == why


def test_reasons_are_one_plain_sentence() -> None:
    reasons = [
        value for name, value in vars(crash).items() if name.isupper() and isinstance(value, str)
    ]
    assert len(reasons) >= 7
    for text in reasons:
        assert "\n" not in text
        assert not text.endswith(".")
        assert len(text) < 180
