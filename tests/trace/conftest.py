"""Traces of real traffic between the built-in guest and a bench."""

from pathlib import Path

import pytest

from tests.tracing import traced_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.probe import probe
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.trace.entry import summarize
from vmedia_bench.trace.record import Kind, Record
from vmedia_bench.wire.v4l2 import BufType, EventType, Memory


def probed(folder: Path, *, mplane: bool) -> tuple[Record, ...]:
    """All that a probe asks, hostile questions included, with a fault and a note between."""
    with traced_bench(folder, mplane=mplane) as bench:
        bench.ring.note("a guest comes")
        report = probe(bench.socket)
        assert report.error == ""
        bench.guest_left()
        bench.ring.fault("EVT_ERROR EIO", session=3, rule=2)
        return bench.records()


@pytest.fixture(scope="session")
def probe_trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    """A probe of a single-planar camera."""
    return probed(tmp_path_factory.mktemp("probe"), mplane=False)


@pytest.fixture(scope="session")
def mplane_trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    """A probe of a multi-planar camera."""
    return probed(tmp_path_factory.mktemp("mplane"), mplane=True)


@pytest.fixture(scope="session")
def userptr_trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    """A stream of ten frames into scattered guest memory, and a subscription."""
    with traced_bench(tmp_path_factory.mktemp("userptr")) as bench:
        with Vmm.connect(bench.socket) as vmm, Driver(vmm).open() as session:
            session.subscribe(int(EventType.EOS))
            kind, memory = int(BufType.VIDEO_CAPTURE), int(Memory.USERPTR)
            with Stream(session, kind, memory=memory, scatter=3) as stream:
                stream.queue_all()
                stream.stream_on()
                for _ in stream.frames(10):
                    pass
        bench.guest_left()
        return bench.records()


@pytest.fixture(params=["probe_trace", "mplane_trace", "userptr_trace"])
def trace(request: pytest.FixtureRequest) -> tuple[Record, ...]:
    """Each of them."""
    records: tuple[Record, ...] = request.getfixturevalue(request.param)
    assert records[0].kind in {Kind.NOTE, Kind.COMMAND}
    return records


@pytest.fixture
def variety(trace: tuple[Record, ...]) -> list[Record]:
    """The first record of every command or event, outcome and length, of each trace."""
    found: dict[tuple[object, ...], Record] = {}
    for record in trace:
        entry = summarize(record)
        key = (entry.kind, entry.name, entry.status, len(record.request), len(record.response))
        found.setdefault(key, record)
    return list(found.values())
