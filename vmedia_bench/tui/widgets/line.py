"""One line of text that says when something of it is missing."""

from textual.widgets import Static

from vmedia_bench.tui.model.text import clip


class Line(Static):
    """A text, cut to its width with an ellipsis."""

    def __init__(self, text: str, classes: str) -> None:
        super().__init__("", classes=classes, markup=False)
        self._text = text

    def say(self, text: str) -> None:
        """Another text."""
        self._text = text
        self._fit()

    def on_resize(self) -> None:
        """Cut it anew."""
        self._fit()

    def _fit(self) -> None:
        self.update(clip(self._text, self.content_size.width))
