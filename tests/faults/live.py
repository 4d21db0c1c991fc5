"""A bench on a loop of its own thread, with a guest of the test's on its socket."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from vmedia_bench.backends import BACKENDS
from vmedia_bench.bench import Bench, BenchSettings
from vmedia_bench.faults.entry import FaultState
from vmedia_bench.faults.presets import preset_rule
from vmedia_bench.faults.rule import Action, Match, Rule, Schedule
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import BackendTimeoutError
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.stream import Stream
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.trace.record import Kind, Record

T = TypeVar("T")
CAPTURE = 1
LIMIT_S = 20.0


class LiveBench:
    """A camera of 120 frames a second; `bench` lives on the loop, so touch it by `do`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.socket = folder / "vm.sock"
        self.bench: Bench
        self._options: dict[str, Any] = {"size": (160, 120), "fps": 120, "text": False, **options}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.do(self.bench.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()

    def _start(self) -> None:
        source = BACKENDS["pattern"].build(**self._options)
        settings = BenchSettings(name="faults", socket_path=self.socket, shmem_size=1 << 24)
        self.bench = Bench(source, settings, self._loop)
        self.bench.start()

    def do(self, what: Callable[[], T]) -> T:
        """Run something on the loop; its result or exception."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(what())
            except Exception as error:  # noqa: BLE001  (it is raised in the test)
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result(LIMIT_S)

    def add(
        self, match: Match, action: Action, *, crash: bool = False, **schedule: Any
    ) -> FaultState:
        """Add a rule."""
        rule = Rule(match=match, action=action, schedule=Schedule(**schedule))
        return self.do(lambda: self.bench.faults.add(rule, may_crash_guest=crash))

    def preset(self, name: str, *, crash: bool = False) -> FaultState:
        """Add a preset."""
        return self.do(lambda: self.bench.faults.add(preset_rule(name), may_crash_guest=crash))

    def remove(self, state: FaultState) -> None:
        """Remove a rule."""
        self.do(lambda: self.bench.faults.remove(state.id))

    def fired(self) -> list[str]:
        """What rules did, as the trace has it."""
        records = self.do(lambda: self.bench.trace.read(0, 10_000, (Kind.FAULT,))).records
        return [record.note for record in records]

    def traffic(self) -> tuple[Record, ...]:
        """All commands and events, in the order in which the guest had them."""
        kinds = (Kind.COMMAND, Kind.EVENT)
        return self.do(lambda: self.bench.trace.read(0, 10_000, kinds)).records

    @contextmanager
    def driver(self, **settings: Any) -> Iterator[Driver]:
        """A guest's driver."""
        with Vmm.connect(self.socket, memory_size=12 << 20, **settings) as vmm:
            yield Driver(vmm)

    @contextmanager
    def session(self, **settings: Any) -> Iterator[Session]:
        """A guest's open session."""
        with self.driver(**settings) as driver, driver.open() as session:
            yield session


@contextmanager
def streaming(session: Session, count: int = 4) -> Iterator[Stream]:
    """A stream that runs; what it finds wrong is the test's to look at."""
    with Stream(session, CAPTURE, count=count) as stream:
        stream.queue_all()
        stream.stream_on()
        yield stream


def no_frame_comes(stream: Stream, seconds: float = 0.15) -> bool:
    """Whether no frame comes for so long."""
    try:
        stream.next_frame(seconds)
    except BackendTimeoutError:
        return True
    return False
