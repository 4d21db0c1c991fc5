"""What happens, for those who want to be told at once."""

from collections.abc import Callable
from typing import Any

from vmedia_bench.control.operations.live import Topic

Listener = Callable[[Topic, dict[str, Any]], None]


class News:
    """Passes what happens to every listener. A listener must be quick and not raise."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell this one too."""
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        """Tell it no more; one that does not listen is passed over."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, topic: Topic, item: dict[str, Any]) -> None:
        """Something happened."""
        for listener in tuple(self._listeners):
            listener(topic, item)
