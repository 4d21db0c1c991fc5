"""Recording to disk: everything, in order, and what happens when the disk cannot."""

import asyncio
from pathlib import Path

import pytest

from vmedia_bench.trace.record import Kind
from vmedia_bench.trace.recording import Recording
from vmedia_bench.trace.ring import Chain, TraceRing
from vmedia_bench.trace.source import open_trace

FULL = Path("/dev/full")


def chain(seq: int) -> Chain:
    return seq % 256, b"request %d" % seq, 8, ((0x1000, 8),), (10,)


def fill(ring: TraceRing, count: int) -> None:
    for seq in range(ring.last + 1, ring.last + count + 1):
        ring.command(chain(seq), b"response", 8, seq, seq + 1)


def read(path: Path) -> list[int]:
    with open_trace(path) as reader:
        seqs = [record.seq for record in reader]
        assert reader.cut_off == ""
        return seqs


async def recorded(recording: Recording, records: int) -> None:
    """Wait until so many records are in the file, as its status says."""
    async with asyncio.timeout(20):
        while recording.records < records:
            await asyncio.sleep(0)


def test_all_records_between_start_and_stop_are_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.vmtrace"

    async def run() -> None:
        ring = TraceRing(1000)
        fill(ring, 10)
        recording = Recording(ring, path, metadata={"bench": "cam0"})
        recording.start()
        fill(ring, 50_000)
        await recording.stop()
        fill(ring, 10)
        assert (recording.active, recording.error, recording.records) == (False, "", 50_000)
        assert recording.bytes == path.stat().st_size

    asyncio.run(run())
    assert read(path) == list(range(11, 50_011))
    with open_trace(path) as reader:
        assert reader.metadata["bench"] == "cam0"
        assert reader.metadata["realtime_ns"] > reader.metadata["monotonic_ns"] > 0


def test_a_recording_may_begin_with_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.vmtrace"

    async def run() -> None:
        ring = TraceRing(10_000)
        fill(ring, 3000)
        ring.note("reset")
        recording = Recording(ring, path)
        recording.start(kept=True)
        fill(ring, 5)
        await recording.stop()

    asyncio.run(run())
    assert read(path) == list(range(1, 3007))
    with open_trace(path) as reader:
        assert [record.note for record in reader if record.kind == Kind.NOTE] == ["reset"]


def test_records_reach_the_file_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.vmtrace"

    async def run() -> None:
        ring = TraceRing()
        recording = Recording(ring, path)
        recording.start()
        fill(ring, 3)
        await recorded(recording, 3)
        assert read(path) == [1, 2, 3]
        fill(ring, 1)
        await recorded(recording, 4)
        await recording.stop()
        await recording.stop()

    asyncio.run(run())
    assert read(path) == [1, 2, 3, 4]


def test_a_file_that_exists_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.vmtrace"
    path.write_bytes(b"precious" * 1000)

    async def run() -> None:
        recording = Recording(TraceRing(), path)
        with pytest.raises(FileExistsError):
            recording.start()
        assert not recording.active
        recording.start(overwrite=True)
        await recording.stop()

    asyncio.run(run())
    assert read(path) == []


def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    ends = []

    async def run() -> None:
        ring = TraceRing()
        recording = Recording(ring, FULL, ended=lambda: ends.append("ended"))
        recording.start(overwrite=True)
        fill(ring, 10)
        async with asyncio.timeout(20):
            while recording.active:
                await asyncio.sleep(0)
        assert recording.error == (
            "/dev/full: No space left on device, the recording ends after 0 records"
        )
        fill(ring, 1000)
        assert ring.kept == 1010
        await recording.stop()

    asyncio.run(run())
    assert ends == ["ended"]


def test_a_disk_that_is_full_at_the_end_is_told_as_any_other() -> None:
    ends = []

    async def run() -> None:
        recording = Recording(TraceRing(), FULL, ended=lambda: ends.append("ended"))
        recording.start(overwrite=True)
        await recording.stop()
        assert "No space left on device" in recording.error

    asyncio.run(run())
    assert ends == ["ended"]


def test_two_who_stop_it_at_once_wait_for_the_same_end(tmp_path: Path) -> None:
    path = tmp_path / "a.vmtrace"

    async def run() -> None:
        ring = TraceRing()
        recording = Recording(ring, path)
        recording.start()
        fill(ring, 1000)
        await asyncio.gather(recording.stop(), recording.stop())
        assert (recording.active, recording.error, recording.records) == (False, "", 1000)

    asyncio.run(run())
    assert read(path) == list(range(1, 1001))


def test_a_disk_that_is_too_slow_ends_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmedia_bench.trace.recording.MOST_BEHIND", 5000)

    async def run() -> None:
        ring = TraceRing()
        recording = Recording(ring, tmp_path / "a.vmtrace")
        recording.start()
        fill(ring, 1000)
        await recording.stop()
        assert "the disk is too slow" in recording.error
        assert not recording.active

    asyncio.run(run())
