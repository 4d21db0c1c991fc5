"""Panes that ask the bench for something of their own, beside the view that all are shown."""

import asyncio

from vmedia_bench.tui.panes.pane import Pane


class FetchingPane(Pane):
    """A pane that fetches when a beat comes, one fetch at a time, while it wants anything."""

    def __init__(self) -> None:
        super().__init__()
        self._due = asyncio.Event()

    def on_mount(self) -> None:
        """Fetch for as long as the pane lives; a subclass's own on_mount is called beside this."""
        self.run_worker(self._fetch_on(), name=self.NAME)

    def wants(self) -> bool:
        """Whether there may be something to fetch."""
        raise NotImplementedError

    async def fetch(self) -> None:
        """Fetch and draw; what goes wrong is drawn, too."""
        raise NotImplementedError

    def beat(self, number: int) -> None:
        """Fetch, where something is wanted."""
        del number
        if self.wants():
            self._due.set()

    async def prepare(self) -> None:
        """Fetch for the very first drawing."""
        if self.wants():
            await self.fetch()

    async def _fetch_on(self) -> None:
        while True:
            await self._due.wait()
            await self.fetch()
            self._due.clear()
