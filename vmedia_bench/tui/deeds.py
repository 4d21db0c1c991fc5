"""Carrying out operations for the operator: asking first where it can hurt, saying what came."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from vmedia_bench.control.operation import Danger, Operation
from vmedia_bench.control.registry import operation
from vmedia_bench.control.rpc import ErrorCode
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.cli_line import cli_line
from vmedia_bench.tui.screens.confirm import ConfirmScreen

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench

KEPT = 20
HURTS = {
    "faults.inject_error": "EVT_ERROR goes to session {session}: its streams stop, and the guest "
    "gets an error from every further call on it.",
    "bench.shutdown": "The bench ends. QEMU aborts when the back-end of one of its devices ends.",
    "backends.use": "The backend changes to {backend}. Sessions may end.",
}
FORCING = ("may_crash_guest", "force")
"""Parameters that allow what was refused."""


class Deeds:
    """What the operator does, and the command lines that do the same."""

    def __init__(self, app: "Workbench") -> None:
        self._app = app
        self.lines: list[str] = []
        """Newest first."""

    async def perform(
        self,
        name: str,
        params: Any,
        *,
        asked: bool = False,
        refused: Callable[[str], None] | None = None,
    ) -> Any:
        """
        Carry out an operation; its result, or None when it was not done.

        Asks before it ends or crashes something, unless that was `asked` already. What the bench
        refuses for its danger is asked for, and then forced. Why it refused anything else goes to
        `refused`, or else to the operator.
        """
        found = operation(name)
        hurts = found.danger in {Danger.ENDS, Danger.MAY_CRASH} and not asked
        if hurts and not await self._confirmed(found, _harm(found, params)):
            return None
        try:
            result = await self._app.link.call(name, params)
        except BenchLostError as error:
            self._app.notify(str(error), title="The bench is lost", severity="error")
            return None
        except RefusedError as error:
            return await self._refused(found, params, error, refused)
        self.note(cli_line(found, params, self._name))
        return result

    async def _refused(
        self,
        found: Operation,
        params: Any,
        error: RefusedError,
        refused: Callable[[str], None] | None,
    ) -> Any:
        force = next((each.name for each in fields(params) if each.name in FORCING), "")
        if error.code == ErrorCode.REFUSED and force and not getattr(params, force):
            if await self._confirmed(found, error.message):
                return await self.perform(found.name, replace(params, **{force: True}), asked=True)
            return None
        if refused is not None:
            refused(error.message)
        else:
            self._app.notify(error.message, title=f"{found.name} was not done", severity="error")
        return None

    async def _confirmed(self, found: Operation, harm: str) -> bool:
        question = found.summary.removesuffix(".") + "?"
        answer: bool | None = await self._app.push_screen_wait(ConfirmScreen(question, harm))
        return bool(answer)

    def note(self, line: str) -> None:
        """Remember a command line as what was just done."""
        if not self.lines or self.lines[0] != line:
            self.lines.insert(0, line)
            del self.lines[KEPT:]

    @property
    def _name(self) -> str:
        return self._app.bench_name


def _harm(found: Operation, params: Any) -> str:
    text = HURTS.get(found.name, f"{found.summary} This can end sessions.")
    return text.format(**{each.name: getattr(params, each.name) for each in fields(params)})
