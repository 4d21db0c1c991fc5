"""Recorded guests to play again."""

from typing import Any

import pytest

from tests.tracing import Guest, Played, Recorded, traced_bench
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.replay.player import replay
from vmedia_bench.replay.report import ReplayReport
from vmedia_bench.trace.record import Record


@pytest.fixture
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """`recorded(guest, **camera options)`: what a guest did with one session."""

    def record(guest: Guest, **camera: Any) -> tuple[Record, ...]:
        with traced_bench(tmp_path_factory.mktemp("recorded"), **camera) as bench:
            with Vmm.connect(bench.socket) as vmm, Driver(vmm).open() as session:
                guest(session)
            bench.guest_left()
            return bench.records()

    return record


@pytest.fixture
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """`played(records, **camera options)`: those records against a camera of its own."""

    def play(records: tuple[Record, ...], **camera: Any) -> ReplayReport:
        how = ("metadata", "order", "event_limit_s")
        options = {key: camera.pop(key) for key in how if key in camera}
        with traced_bench(tmp_path_factory.mktemp("played"), **camera) as bench:
            return replay(records, bench.socket, **options)

    return play
