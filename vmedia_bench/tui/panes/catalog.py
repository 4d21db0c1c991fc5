"""All panes, in the order of their keys."""

from vmedia_bench.tui.panes.backend import BackendPane
from vmedia_bench.tui.panes.buffers import BuffersPane
from vmedia_bench.tui.panes.commands import CommandsPane
from vmedia_bench.tui.panes.config import ConfigPane
from vmedia_bench.tui.panes.controls import ControlsPane
from vmedia_bench.tui.panes.events import EventsPane
from vmedia_bench.tui.panes.faults import FaultsPane
from vmedia_bench.tui.panes.log import LogPane
from vmedia_bench.tui.panes.pane import Pane
from vmedia_bench.tui.panes.preview import PreviewPane
from vmedia_bench.tui.panes.rings import RingsPane
from vmedia_bench.tui.panes.sessions import SessionsPane

PANES: tuple[type[Pane], ...] = (
    SessionsPane,
    BuffersPane,
    PreviewPane,
    CommandsPane,
    EventsPane,
    ConfigPane,
    ControlsPane,
    RingsPane,
    FaultsPane,
    BackendPane,
    LogPane,
)
