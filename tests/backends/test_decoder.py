"""The stateful decoder, by the book: streams of every codec through a real socket."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from errno import EIO
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from tests.backends.samples import psnr
from tests.backends.served import Served, driver_of, helpers, session_of
from tests.backends.streams import (
    ENCODERS,
    LIMIT_S,
    Decoding,
    assert_shows,
    decode,
    encoded,
    time_of,
)
from tests.end_to_end.bench import complaints
from vmedia_bench.backends import BACKENDS
from vmedia_bench.backends.codec.farm import SPARES
from vmedia_bench.control.client import Client
from vmedia_bench.guest.errors import BackendTimeoutError, GuestIoctlError
from vmedia_bench.guest.m2m import decoder_command, queue_types, selection
from vmedia_bench.wire.controls import Cid
from vmedia_bench.wire.structs import DECODER_CMD
from vmedia_bench.wire.v4l2 import BufFlag, DecCmd, SelTarget, fourcc


@pytest.fixture(scope="module", params=["no", "yes"])
def decoder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("decoder")
    with Served(folder / "vm.sock", "codec", mplane=request.param) as bench:
        yield bench
        assert complaints(bench.lines) == []


@pytest.mark.parametrize("code", ENCODERS)
def test_a_stream_of_every_codec(decoder: Served, code: str) -> None:
    stream = encoded(code)
    with session_of(decoder) as session:
        assert_shows(decode(session, stream), stream)


@pytest.mark.parametrize("raw", ["YU12", "NM12", "YM12"])
def test_other_raw_formats(decoder: Served, raw: str) -> None:
    stream = encoded("H264", 5)
    with session_of(decoder) as session:
        entries = session.enum_formats(queue_types(session)[1])
        if fourcc(raw) not in [entry.pixelformat for entry in entries]:
            assert raw in {"NM12", "YM12"}
            return
        assert_shows(decode(session, stream, raw=raw), stream)


def test_what_is_visible_may_be_less_than_the_frame(decoder: Served) -> None:
    stream = encoded("H264", 5, (322, 234))
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(stream.packets)
        decoding.drain()
        assert decoding.sizes == [(336, 240)]
        assert decoding.visible == (0, 0, 322, 234)
        whole = selection(session, decoding.capture_type, int(SelTarget.COMPOSE_PADDED))
        assert whole == (0, 0, 336, 240)
        assert_shows(decoding.shown, stream)
        decoding.close()


def test_the_capture_queue_may_start_before_the_stream_is_known(decoder: Served) -> None:
    stream = encoded("H264", 12, (320, 240))
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.set_up_capture()
        decoding.feed(stream.packets)
        decoding.drain()
        assert_shows(decoding.shown, stream)
        # The size was right, so there was nothing to change.
        assert decoding.sizes == [(320, 240)]
        decoding.close()


def test_the_size_is_told_before_the_first_picture_is_out(decoder: Served) -> None:
    stream = encoded("H264", 8)
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(stream.packets[:1])
        decoding.wait(lambda: bool(decoding.sizes))
        assert decoding.shown == []
        decoding.feed(stream.packets[1:])
        decoding.drain()
        assert_shows(decoding.shown, stream)
        decoding.close()


def test_a_capture_queue_of_the_wrong_size_is_told_so(decoder: Served) -> None:
    stream = encoded("H264", 12, (352, 288))
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.set_up_capture()
        decoding.feed(stream.packets)
        decoding.drain()
        assert_shows(decoding.shown, stream)
        assert decoding.sizes == [(320, 240), (352, 288)]
        decoding.close()


@pytest.mark.parametrize("code", ["H264", "VP80", "HEVC"])
def test_the_size_may_change_in_the_middle(decoder: Served, code: str) -> None:
    first, second = encoded(code, 7, (320, 240)), encoded(code, 7, (480, 272), first=7)
    with session_of(decoder) as session:
        decoding = Decoding(session, code)
        decoding.feed(first.packets + second.packets)
        decoding.drain()
        assert decoding.sizes == [(320, 240), (480, 272)]
        assert_shows(decoding.shown[:7], first)
        assert_shows(decoding.shown[7:], second, first=7)
        decoding.close()


def test_a_drain_may_begin_while_the_size_changes(decoder: Served) -> None:
    first, second = encoded("H264", 7, (320, 240)), encoded("H264", 7, (480, 272), first=7)
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(first.packets)
        decoding.wait(lambda: bool(decoding.shown))
        decoding.hold_changes = True
        decoding.feed(second.packets)
        decoding.wait(lambda: decoding.last)
        decoder_command(session, DecCmd.STOP)
        decoding.hold_changes = False
        decoding.wait(lambda: decoding.ended and decoding.last)
        assert_shows(decoding.shown[:7], first)
        assert_shows(decoding.shown[7:], second, first=7)
        decoding.close()


def test_after_a_drain_start_goes_on(decoder: Served) -> None:
    first, second = encoded("H264", 6), encoded("H264", 6, first=6)
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(first.packets)
        decoding.drain()
        assert len(decoding.shown) == 6
        decoder_command(session, DecCmd.START)
        decoding.last = False
        assert decoding.capture is not None
        decoding.capture.queue_all()
        decoding.feed(second.packets)
        decoding.drain()
        assert_shows(decoding.shown[6:], second, first=6)
        decoding.close()


def test_after_stop_output_waits_for_start(decoder: Served) -> None:
    stream = encoded("H264", 6)
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(stream.packets)
        decoding.drain()
        decoding.wait(lambda: len(decoding.output.idle) == 4 or decoding.output.poll() is not None)
        while decoding.output.poll() is not None:
            pass
        decoding.output.send([stream.packets[0][0]], timestamp_ns=time_of(0))
        with pytest.raises(BackendTimeoutError):
            decoding.output.next_frame(0.1)
        decoder_command(session, DecCmd.START)
        decoding.output.next_frame()
        decoding.close()


def test_stop_with_nothing_to_do_gives_an_empty_last_buffer(decoder: Served) -> None:
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.set_up_capture()
        decoding.drain()
        assert decoding.shown == []
        assert decoding.ended
        decoding.close()


def test_commands_are_checked(decoder: Served) -> None:
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoder_command(session, DecCmd.STOP)
        for command in (DecCmd.PAUSE, DecCmd.RESUME, DecCmd.FLUSH):
            with pytest.raises(GuestIoctlError, match="EINVAL"):
                decoder_command(session, command)
        tried = session.ioctl("TRY_DECODER_CMD", DECODER_CMD.pack(DecCmd.STOP, 0xFF, b"\xff" * 64))
        assert DECODER_CMD.unpack(tried) == (DecCmd.STOP, 0, bytes(64))
        decoding.set_up_capture()
        stream = encoded("H264", 20)
        for data, timestamp_ns in stream.packets[:4]:
            decoding.output.send([data], timestamp_ns=timestamp_ns)
        decoder_command(session, DecCmd.STOP)
        for command in (DecCmd.STOP, DecCmd.START):
            with pytest.raises(GuestIoctlError, match="EBUSY"):
                decoder_command(session, command)
        decoding.wait(lambda: decoding.last)
        decoder_command(session, DecCmd.START)
        decoding.close()


def test_a_seek_is_a_streamoff_of_the_output(decoder: Served) -> None:
    stream, later = encoded("H264", 10), encoded("H264", 10, first=50)
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed(stream.packets[:6])
        decoding.wait(lambda: bool(decoding.shown))
        decoding.output.stream_off()
        decoding.output.stream_on()
        decoding.feed(later.packets)
        decoding.drain()
        after = [frame for frame in decoding.shown if frame.timestamp_ns >= time_of(50)]
        assert_shows(after, later, first=50)
        assert decoding.sizes == [(320, 240)]
        decoding.close()


def test_buffers_needed_profiles_and_levels(decoder: Served) -> None:
    with session_of(decoder) as session:
        assert session.get_control(int(Cid.MIN_BUFFERS_FOR_CAPTURE)) == 2
        profiles = session.control_info(int(Cid.MPEG_VIDEO_H264_PROFILE), menus=True)
        assert "High" in [item.name for item in profiles.menu]
        assert session.control_info(int(Cid.MPEG_VIDEO_HEVC_LEVEL), menus=True).menu


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("H264", {"bf": "8", "b-pyramid": "normal", "refs": "16", "qp": "12"}),
        ("HEVC", {"x265-params": "qp=12:bframes=8:b-pyramid=1:ref=6:log-level=none"}),
    ],
)
def test_no_stream_needs_more_capture_buffers_than_that(
    decoder: Served, code: str, options: dict[str, str]
) -> None:
    # References are kept by the process, so that no picture waits in a guest's buffer.
    stream = encoded(code, 24, options=options)
    with session_of(decoder) as session:
        least = session.get_control(int(Cid.MIN_BUFFERS_FOR_CAPTURE))
        assert_shows(decode(session, stream, buffers=least), stream)


def test_damaged_data_is_marked(decoder: Served) -> None:
    stream = encoded("MPG2", 10)
    packets = list(stream.packets)
    data = bytearray(packets[4][0])
    data[len(data) // 3 :] = b"\xff" * (len(data) - len(data) // 3)
    packets[4] = (bytes(data), packets[4][1])
    with session_of(decoder) as session:
        decoding = Decoding(session, "MPG2")
        decoding.feed(packets)
        decoding.drain()
        flawed = [frame.timestamp_ns for frame in decoding.shown if frame.flags & BufFlag.ERROR]
        assert packets[4][1] in flawed
        assert decoding.shown[0].timestamp_ns == time_of(0)
        assert not decoding.shown[0].flags & BufFlag.ERROR
        decoding.close()


@pytest.mark.parametrize("code", ENCODERS)
def test_data_that_is_no_stream_does_no_harm(decoder: Served, code: str) -> None:
    rubbish = Random(code).randbytes
    with session_of(decoder) as session:
        decoding = Decoding(session, code)
        decoding.set_up_capture()
        decoding.feed([(rubbish(3000), time_of(at)) for at in range(12)])
        decoding.drain()
        decoding.close()
    assert decoder.alive


def test_headers_alone_are_no_damage(decoder: Served) -> None:
    stream = encoded("H264", 6)
    data, timestamp_ns = stream.packets[0]
    picture_at = data.index(b"\x00\x00\x01\x65")
    packets = [(data[:picture_at], timestamp_ns), (data[picture_at:], timestamp_ns)]
    with session_of(decoder) as session:
        decoding = Decoding(session, "H264")
        decoding.feed([*packets, *stream.packets[1:]])
        decoding.drain()
        assert_shows(decoding.shown, stream)
        decoding.close()


@pytest.mark.parametrize("code", ["H264", "HEVC", "MPG2"])
def test_a_buffer_may_hold_several_pictures(decoder: Served, code: str) -> None:
    stream = encoded(code, 9)
    data = b"".join(packet for packet, _ in stream.packets)
    with session_of(decoder) as session:
        decoding = Decoding(session, code)
        decoding.feed([(data, time_of(3))])
        decoding.drain()
        assert {frame.timestamp_ns for frame in decoding.shown} == {time_of(3)}
        pairs = zip(decoding.shown, stream.pictures, strict=True)
        assert all(psnr(frame.pixels, original) > 30 for frame, original in pairs)
        decoding.close()


def test_sessions_decode_beside_each_other(decoder: Served) -> None:
    one, other = encoded("H264", 8), encoded("VP80", 8, (160, 128))
    with driver_of(decoder) as driver, driver.open() as left, driver.open() as right:
        pair = [Decoding(left, "H264"), Decoding(right, "VP80")]
        for decoding, stream in zip(pair, (one, other), strict=True):
            decoding.feed(stream.packets)
        for decoding, stream in zip(pair, (one, other), strict=True):
            decoding.drain()
            assert_shows(decoding.shown, stream)
            decoding.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_ends_its_session_only(
    how: signal.Signals, tmp_path: Path
) -> None:
    stream = encoded("H264", 10)
    with (
        Served(tmp_path / "vm.sock", "codec", stuck_after="2") as bench,
        driver_of(bench) as driver,
    ):
        with driver.open() as session:
            decoding = Decoding(session, "H264")
            decoding.feed(stream.packets[:6])
            decoding.wait(lambda: bool(decoding.shown))
            # The others wait for other sessions.
            helper = helpers(bench.pid)[0]
            os.kill(helper, how)
            try:
                for data, timestamp_ns in stream.packets[6:8]:
                    decoding.output.send([data], timestamp_ns=timestamp_ns)
                decoding.wait(lambda: session.error != 0)
            except GuestIoctlError:
                # It ended between two buffers; the guest was told so before the refusal.
                pass
            assert session.error == EIO
        with driver.open() as session:
            assert_shows(decode(session, stream), stream)
        assert bench.alive


def test_processes_wait_for_the_next_sessions(tmp_path: Path) -> None:
    stream = encoded("H264", 5)
    with Served(tmp_path / "vm.sock", "codec") as bench, driver_of(bench) as driver:
        assert helpers(bench.pid) == []
        with driver.open() as session:
            (first,) = helpers(bench.pid)
            decoding = Decoding(session, "H264")
            decoding.wait(lambda: len(helpers(bench.pid)) == 1 + SPARES)
            # Those that die while they wait are nobody's loss.
            for spare in helpers(bench.pid)[1:]:
                os.kill(spare, signal.SIGKILL)
            decoding.wait(lambda: helpers(bench.pid) == [first])
            decoding.close()
        with driver.open() as session:
            assert_shows(decode(session, stream), stream)
        assert bench.alive


def test_no_process_waits_behind_another_backend(tmp_path: Path) -> None:
    with Served(tmp_path / "vm.sock", "codec") as bench:
        with driver_of(bench) as driver:
            driver.open().close()
            assert helpers(bench.pid)
        with Client.connect(str(bench.control)) as client:
            client.call("bench.wait", condition="no-session", timeout_s=10)
            client.call("backends.use", backend="pattern")
            # The loop that reaps them is the one that answers.
            end = monotonic() + LIMIT_S
            while helpers(bench.pid):
                assert monotonic() < end
                client.call("bench.status")


def test_so_many_processes_and_no_more(tmp_path: Path) -> None:
    with Served(tmp_path / "vm.sock", "codec", sessions="1") as bench, driver_of(bench) as driver:
        with driver.open() as one, driver.open() as other:
            first = Decoding(one, "H264")
            with pytest.raises(GuestIoctlError, match="EBUSY"):
                Decoding(other, "H264")
            first.close()
        with driver.open() as session:
            Decoding(session, "H264").close()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"direction": "sideways"}, "encoder"),
        ({"formats": "H264,MPG4"}, "MPG2"),
        ({"threads": -1}, "0 to 64"),
        ({"sessions": 0}, "1 to 64"),
        ({"stuck_after": 0.0}, "seconds"),
        ({"card": ""}, "32 bytes"),
    ],
)
def test_refusals_name_what_there_is(options: dict[str, object], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        BACKENDS["codec"].build(**options)


def test_without_pyav_there_is_no_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BACKENDS["codec"].unusable() == ""
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install" in BACKENDS["codec"].unusable()
    with pytest.raises(ValueError, match="pip install"):
        BACKENDS["codec"].build()
