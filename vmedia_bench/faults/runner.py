"""Runs a scenario over the control API, step by step, and reports."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vmedia_bench.faults.errors import CrashRefusedError
from vmedia_bench.faults.expectations import Expectation, is_missing, look_up
from vmedia_bench.faults.scenario import ERROR_CODES, ExpectedError, Scenario, Step, replaced

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Runs an operation: method and params in, its result as plain data out.

It raises exceptions with a `code`, as the control API has them, for operations that fail."""

_AGAIN_S = 0.02
_NAMES = {code: name for name, code in ERROR_CODES.items()}


class Clock(Protocol):
    """The time a runner goes by, in seconds."""

    def now(self) -> float:
        """Give the time, by any clock that does not jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """How one step went; `message` says what was expected and what was seen."""

    number: int
    title: str
    passed: bool
    skipped: bool
    seconds: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a scenario went."""

    name: str
    passed: bool
    seconds: float
    steps: tuple[StepReport, ...]


class _StepFailedError(Exception):
    """A step did not go as expected; the message says how."""


async def run(
    scenario: Scenario, call: Call, clock: Clock, *, may_crash_guest: bool = False
) -> Report:
    """
    Run all steps in their order; after one that failed, only those that `always` run.

    Raises CrashRefusedError, before anything is done, where a step may crash the guest and
    `may_crash_guest` is not set.
    """
    for step in scenario.steps:
        if step.may_crash_guest and not may_crash_guest:
            raise CrashRefusedError(f"step {step.number} ({step.title}) says so")
    started = clock.now()
    runner = _Runner(scenario, call, clock)
    reports: list[StepReport] = []
    failed = False
    for step in scenario.steps:
        if failed and not step.always:
            report = _report(step, 0.0, passed=False, skipped=True)
        else:
            report = await runner.run_step(step)
            failed = failed or not report.passed
        reports.append(report)
    return Report(
        name=scenario.name,
        passed=not failed,
        seconds=clock.now() - started,
        steps=tuple(reports),
    )


def _report(
    step: Step, seconds: float, *, passed: bool, skipped: bool = False, message: str = ""
) -> StepReport:
    return StepReport(
        number=step.number,
        title=step.title,
        passed=passed,
        skipped=skipped,
        seconds=seconds,
        message=message,
    )


class _Runner:
    """A run under way, with its variables."""

    def __init__(self, scenario: Scenario, call: Call, clock: Clock) -> None:
        self._call = call
        self._clock = clock
        self._variables: dict[str, Any] = dict(scenario.variables)

    async def run_step(self, step: Step) -> StepReport:
        """Run one step; it never raises."""
        started = self._clock.now()
        message = ""
        try:
            await self._run(step, started + step.within_s)
        except _StepFailedError as problem:
            message = str(problem)
        return _report(step, self._clock.now() - started, passed=not message, message=message)

    async def _run(self, step: Step, end: float) -> None:
        """Call until it goes as expected or the step's time is over."""
        while True:
            try:
                await self._once(step)
            except _StepFailedError:
                if self._clock.now() >= end:
                    raise
            else:
                return
            await self._clock.sleep(_AGAIN_S)

    async def _once(self, step: Step) -> None:
        params = await self._filled(step.params)
        try:
            result = await self._call(step.method, params)
        except Exception as error:  # noqa: BLE001  (whatever the client raises fails the step)
            _check_error(step.error, error)
            return
        if step.error is not None:
            raise _StepFailedError("an error was expected, and it succeeded")
        for expectation in step.expect:
            path, value = await self._filled((expectation.path, expectation.value))
            failure = Expectation(path, expectation.operator, value).failure(result)
            if failure:
                raise _StepFailedError(failure)
        self._keep(step, result)

    def _keep(self, step: Step, result: Any) -> None:
        if step.makes_fault and isinstance(result, Mapping) and "id" in result:
            self._variables["fault"] = result["id"]
        for name, path in step.save:
            value = look_up(result, path)
            if is_missing(value):
                raise _StepFailedError(f"save.{name}: there is no {path} in the result")
            self._variables[name] = value

    async def _filled(self, value: Any) -> Any:
        """A value with its variables replaced."""
        wanted: set[str] = set()
        replaced(value, wanted.add)
        if "session" in wanted:
            self._variables["session"] = await self._newest_session()
        missing = wanted - set(self._variables)
        if missing:
            raise _StepFailedError(f"${{{min(missing)}}} has no value yet")
        return replaced(value, self._variables.__getitem__)

    async def _newest_session(self) -> int:
        try:
            sessions = (await self._call("sessions.list", {}))["sessions"]
        except Exception as error:
            raise _StepFailedError(f"${{session}}: {error}") from error
        if not sessions:
            raise _StepFailedError("${session}: no session is open")
        newest: int = min(sessions, key=lambda session: (session["age_s"], -session["id"]))["id"]
        return newest


def _check_error(expected: ExpectedError | None, error: Exception) -> None:
    """_StepFailedError unless the error is the expected one."""
    code = getattr(error, "code", None)
    if not isinstance(code, int) or expected is None:
        raise _StepFailedError(str(error) or type(error).__name__) from error
    if expected.code is not None and code != expected.code:
        wanted, seen = (_NAMES.get(number, number) for number in (expected.code, code))
        raise _StepFailedError(f"error {wanted} was expected, {seen} came: {error}") from error
    if expected.message not in str(error):
        raise _StepFailedError(
            f"an error with {expected.message!r} was expected, {error} came"
        ) from error
