"""The configuration space: 40 bytes, decoded and as they are, both editable."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.config import ConfigSetParams, ConfigSpace
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.config_rows import COLUMNS, SPANS, config_hex, config_rows, config_title
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.screens.ask import AskScreen
from vmedia_bench.tui.widgets.hex_view import HexView
from vmedia_bench.tui.widgets.table import RowTable

EVERY = 5
"""Views between two readings."""


class ConfigPane(Pane):
    """Fields above, bytes below, each lit in the other."""

    NAME = "config"
    TITLE = "Config"
    SHORT = "Conf"
    KEY = "6"
    HELP = (
        "What the driver reads when it probes: device_caps, device_type and the card's name.\n\n"
        "Enter changes the field under the cursor, `h` all 40 bytes as hexadecimal digits; the "
        "guest is told by CONFIG_CHANGE. `r` goes back to what the backend says. A driver that has "
        "probed already seldom looks again: reload it in the guest."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit", id="config.edit"),
        Binding("h", "edit_hex", "Edit bytes", id="config.hex"),
        Binding("r", "reset", "As the backend", id="config.reset"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.space: ConfigSpace | None = None
        self._tick = 0
        self._reading = False

    def compose(self) -> ComposeResult:
        """Fields and bytes."""
        yield RowTable(COLUMNS, empty="Not read yet.", id="config-table")
        yield HexView(id="config-hex")

    def show(self, view: View) -> None:
        """Read it anew now and then."""
        self._tick += 1
        due = self.space is None or self._tick % EVERY == 0
        if due and view.live and not self._reading:
            self._reading = True
            self.run_worker(self._read())

    async def _read(self) -> None:
        try:
            self._take(await self.bench.link.call("config.get", Nothing()))
        except (BenchLostError, RefusedError):
            pass
        finally:
            self._reading = False

    def _take(self, space: ConfigSpace) -> None:
        if space == self.space:
            return
        self.space = space
        self.say(config_title(space))
        table, view = self.query_one(RowTable), self.query_one(HexView)
        table.set_rows(config_rows(space))
        view.show(config_hex(space))
        view.light(*SPANS[str(table.cursor_key)])

    def on_row_table_moved(self, message: RowTable.Moved) -> None:
        """Light the field's bytes."""
        message.stop()
        self.query_one(HexView).light(*SPANS[str(message.key)])

    def on_hex_view_moved(self, message: HexView.Moved) -> None:
        """Go to the field of the byte."""
        message.stop()
        for name, (start, length) in SPANS.items():
            if start <= message.offset < start + length:
                self.query_one(RowTable).go_to(name)
                message.view.lit = range(start, start + length)

    def on_row_table_chosen(self, message: RowTable.Chosen) -> None:
        """Edit the field."""
        message.stop()
        self.action_edit()

    def action_edit(self) -> None:
        """Type another value for the field under the cursor."""
        key = self.query_one(RowTable).cursor_key
        if self.space is None or key is None:
            return
        now = {
            "card": self.space.card,
            "device_caps": hex(self.space.device_caps),
            "device_type": str(self.space.device_type),
        }[str(key)]

        def set_it(text: str | None) -> None:
            if text is not None:
                self._set(str(key), text)

        self.app.push_screen(AskScreen(f"{key}", now, _check(str(key))), set_it)

    def action_edit_hex(self) -> None:
        """Type all bytes."""
        if self.space is None:
            return

        def set_it(text: str | None) -> None:
            if text is not None:
                self.bench.carry_out(
                    "config.set", ConfigSetParams(hex=text.replace(" ", "")), self._take
                )

        self.app.push_screen(AskScreen("all 40 bytes", self.space.hex, _check("hex")), set_it)

    def action_reset(self) -> None:
        """Back to what the backend says."""
        self.bench.carry_out("config.set", ConfigSetParams(reset=True), self._take)

    def _set(self, field: str, text: str) -> None:
        if field == "card":
            params = ConfigSetParams(card=text)
        elif field == "device_caps":
            params = ConfigSetParams(device_caps=int(text, 0))
        else:
            params = ConfigSetParams(device_type=int(text, 0))
        self.bench.carry_out("config.set", params, self._take)


def _check(field: str):  # type: ignore[no-untyped-def]
    def card(text: str) -> str:
        return "" if len(text.encode()) <= 32 else "at most 32 bytes"

    def number(text: str) -> str:
        try:
            return "" if 0 <= int(text, 0) < 1 << 32 else "0 to 0xffffffff"
        except ValueError:
            return "a number such as 0x85200001"

    def digits(text: str) -> str:
        try:
            return "" if len(bytes.fromhex(text)) == 40 else "40 bytes, 80 hexadecimal digits"
        except ValueError:
            return "hexadecimal digits"

    return {"card": card, "hex": digits}.get(field, number)
