"""scenarios.*"""

import asyncio

from vmedia_bench.control.operations.scenarios import ScenarioParams, ScenarioReport, StepReport
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.faults.errors import CrashRefusedError
from vmedia_bench.faults.runner import Report, run
from vmedia_bench.faults.scenario import ScenarioError, parse_scenario


class LoopClock:
    """The loop's own time."""

    def now(self) -> float:
        """Seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)


async def _run(bench: Workbench, params: ScenarioParams) -> ScenarioReport:
    try:
        scenario = parse_scenario(params.toml, params.name)
        report = await run(
            scenario, bench.call, LoopClock(), may_crash_guest=params.may_crash_guest
        )
    except ScenarioError as error:
        raise RpcError(ErrorCode.INVALID_PARAMS, f"toml: {error}", {"field": "toml"}) from None
    except CrashRefusedError as error:
        raise RpcError(ErrorCode.REFUSED, str(error)) from None
    return _report(report)


def _report(report: Report) -> ScenarioReport:
    return ScenarioReport(
        name=report.name,
        passed=report.passed,
        seconds=report.seconds,
        steps=tuple(
            StepReport(
                number=step.number,
                title=step.title,
                passed=step.passed,
                skipped=step.skipped,
                seconds=step.seconds,
                message=step.message,
            )
            for step in report.steps
        ),
    )


HANDLERS: Handlers = {"scenarios.run": _run}
