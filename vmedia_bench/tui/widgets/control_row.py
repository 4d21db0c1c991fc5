"""One V4L2 control with the widget that fits it."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static, Switch

from vmedia_bench.control.operations.controls import ControlState, Value
from vmedia_bench.tui.model.control_rows import (
    Shape,
    control_shape,
    is_heading,
    locked,
    range_text,
    value_text,
)
from vmedia_bench.tui.widgets.line import Line
from vmedia_bench.tui.widgets.slider import Slider


class Menu(Select[int], inherit_bindings=False):
    """The entries of a menu; up and down are left to those who go from control to control."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "Open", show=False),
    ]


class ControlRow(Horizontal):
    """Name, widget, value, range. Live both ways: a value that comes from outside is no command."""

    @dataclass
    class Wanted(Message):
        """The operator wants a control to have a value."""

        control_key: str
        value: Value

    def __init__(self, control: ControlState) -> None:
        super().__init__(classes="control-row")
        self.control = control
        self._shape = control_shape(control)
        self.set_class(is_heading(control), "-heading")

    def compose(self) -> ComposeResult:
        """The parts, from left to right."""
        control = self.control
        yield Static(control.name, classes="control-name", markup=False)
        if is_heading(control):
            return
        yield self._widget()
        yield Static(self._value_text(), classes="control-value", markup=False)
        yield Line(range_text(control), classes="control-range")

    def _value_text(self) -> str:
        """Beside the widget, where the widget does not say it already."""
        if self._shape in {Shape.MENU, Shape.TEXT, Shape.BUTTON}:
            return ""
        return value_text(self.control, self.control.value)

    def _widget(self) -> Widget:
        control = self.control
        value = control.value
        if self._shape is Shape.SLIDER:
            return Slider(control.minimum, control.maximum, control.step, int(value or 0))
        if self._shape is Shape.SWITCH:
            return Switch(bool(value), animate=False)
        if self._shape is Shape.MENU:
            options = [(Content(item.name), item.index) for item in control.menu]
            known = any(item.index == value for item in control.menu)
            return Menu(
                options,
                value=int(value or 0) if known else Select.NULL,
                allow_blank=not known,
                compact=True,
            )
        if self._shape is Shape.BUTTON:
            return Button("Press", compact=True)
        if self._shape is Shape.TEXT:
            return Input(str(value if value is not None else ""), compact=True)
        return Static("")

    def on_mount(self) -> None:
        """Grey out what cannot be set."""
        self._lock()

    def show(self, control: ControlState) -> None:
        """Another value or other flags, from outside."""
        if control == self.control:
            return
        self.control = control
        if is_heading(control):
            return
        self.query_one(".control-value", Static).update(self._value_text())
        self._lock()
        value = control.value
        if value is None:
            return
        for slider in self.query(Slider):
            slider.show(int(value))
        for switch in self.query(Switch):
            with switch.prevent(Switch.Changed):
                switch.value = bool(value)
        for menu in self.query(Menu):
            if any(item.index == value for item in self.control.menu):
                with menu.prevent(Select.Changed):
                    menu.value = int(value)
        for line in self.query(Input):
            if not line.has_focus:
                line.value = str(value)

    def _lock(self) -> None:
        if is_heading(self.control):
            return
        why = locked(self.control)
        self.set_class(bool(why), "-locked")
        for widget in self.query("Slider, Switch, Select, Button, Input"):
            widget.disabled = bool(why)
        text = f"{why} · {range_text(self.control)}" if why else range_text(self.control)
        self.query_one(".control-range", Line).say(text)

    def _want(self, value: Value) -> None:
        if value != self.control.value or self._shape is Shape.BUTTON:
            self.post_message(self.Wanted(self.control.key, value))

    def on_slider_moved(self, message: Slider.Moved) -> None:
        """A number."""
        message.stop()
        self._want(message.value)

    def on_switch_changed(self, message: Switch.Changed) -> None:
        """On or off."""
        message.stop()
        if message.value != bool(self.control.value):
            self._want(message.value)

    def on_select_changed(self, message: Select.Changed) -> None:
        """A menu's entry."""
        message.stop()
        if isinstance(message.value, int):
            self._want(message.value)

    def on_button_pressed(self, message: Button.Pressed) -> None:
        """A button control."""
        message.stop()
        self._want(1)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """A text."""
        message.stop()
        self._want(message.value)
