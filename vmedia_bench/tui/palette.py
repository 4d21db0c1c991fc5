"""The command palette: every operation of the registry, every pane, every action."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from vmedia_bench.control.registry import operations

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench

NOT_HERE = frozenset({"live.subscribe", "bench.snapshot", "frames.get", "bench.wait"})
"""Operations that a screen does all the time, or that only a script has a use for."""


class WorkbenchCommands(Provider):
    """What can be found by typing."""

    @property
    def _bench(self) -> "Workbench":
        return cast("Workbench", self.app)

    def _all(self) -> Iterator[tuple[str, str, IgnoreReturnCallbackType]]:
        bench = self._bench
        for name, pane in bench.panes.items():
            yield f"Go to {pane.TITLE}", f"Key {pane.KEY}", partial(bench.go_to, name)
        yield from bench.commands()
        for each in operations():
            if each.name not in NOT_HERE:
                yield each.name, each.summary, partial(bench.ask_and_carry_out, each.name)

    async def discover(self) -> Hits:
        """All of it, before anything is typed."""
        for title, about, action in self._all():
            yield DiscoveryHit(title, action, help=about)

    async def search(self, query: str) -> Hits:
        """What fits the words typed; summaries count too."""
        matcher = self.matcher(query)
        for title, about, action in self._all():
            score = max(matcher.match(title), 0.7 * matcher.match(about))
            if score > 0:
                yield Hit(score, matcher.highlight(title), action, help=about)
