"""The preview: the frame that streams, in half blocks or real pixels."""

import asyncio
import os
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from vmedia_bench.control.operations.frames import Frame, FrameParams
from vmedia_bench.picture.format import PictureError
from vmedia_bench.tui.link import BenchLostError, RefusedError
from vmedia_bench.tui.model.preview import info_parts, preview_title
from vmedia_bench.tui.model.view import View
from vmedia_bench.tui.panes.fetching import FetchingPane
from vmedia_bench.tui.panes.waiting import HowToBlock, WaitingBlock
from vmedia_bench.tui.sampling import Picture, Window, window
from vmedia_bench.tui.widgets.half_blocks import HalfBlocks
from vmedia_bench.tui.widgets.real_pixels import RealPixels
from vmedia_bench.tui.widgets.toned_line import TonedLine

ZOOMS = (1, 2, 4, 8, 16)
NO_FRAME = "No frame yet.\nThe picture appears when a session streams."


@dataclass
class Look:
    """What of the frame is looked at."""

    zoom: int = 1
    across: float = 0.5
    down: float = 0.5
    probe: tuple[int, int] | None = None
    """A pixel of the frame."""


class PreviewPane(FetchingPane):
    """The newest frame of the session looked at."""

    NAME = "preview"
    TITLE = "Preview"
    SHORT = "View"
    KEY = "3"
    HELP = (
        "The frame that the guest was given last, in its own aspect and colours. It is sampled in "
        "the bench and converted here; the device does not wait for it.\n\n"
        "Space pauses and goes on; `.` shows the next frame and pauses. `+` and `-` zoom, arrows "
        "move, `r` shows all again. `p` or a click probes a pixel: its samples as they lie in the "
        "buffer, and its colour; arrows then move the probe. `s` saves the newest frame as PNG."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("full_stop", "step", "Step", id="preview.step"),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", id="preview.zoom-in", key_display="+"),
        Binding("minus", "zoom(-1)", "Zoom out", id="preview.zoom-out", show=False),
        Binding("p", "probe", "Probe", id="preview.probe"),
        Binding("r", "reset", "All of it", id="preview.reset", show=False),
        Binding("left", "go(-1, 0)", "Left", show=False),
        Binding("right", "go(1, 0)", "Right", show=False),
        Binding("up", "go(0, -1)", "Up", show=False),
        Binding("down", "go(0, 1)", "Down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.paused = False
        self.picture: Picture | None = None
        self.look = Look()
        self._step = False
        self._view: View | None = None
        self._waiting: bool | None = None
        self._window: Window | None = None
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Either how to connect, or the picture and its line."""
        yield WaitingBlock()
        with Container(id="picture-stage"):
            yield self._picture_widget()
            yield Static(NO_FRAME, id="picture-none", markup=False)
        yield TonedLine(id="picture-line")

    def _picture_widget(self) -> HalfBlocks:
        graphics = self.bench.graphics
        return RealPixels(graphics, id="picture") if graphics else HalfBlocks(id="picture")

    @property
    def _drawn(self) -> HalfBlocks:
        return self.query_one("#picture", HalfBlocks)

    def on_mount(self) -> None:
        """Let the picture have the keys."""
        self.query_one("#picture-stage").can_focus = True

    def show(self, view: View) -> None:
        """Title, and which of the two faces is shown."""
        self._view = view
        status = view.snapshot.status
        self._show_face(view.waiting)
        if view.waiting:
            self.say("no VM connected")
            self.query_one(WaitingBlock).show(
                status.name, status.socket, status.counters.connections > 0
            )
            self._drop()
            return
        if self.picture is not None and not self._is_current(self.picture.frame, view):
            self._drop()
        frame = self.picture.frame if self.picture else None
        self.say(preview_title(frame, self.paused, self.look.zoom))

    def _show_face(self, waiting: bool) -> None:
        if waiting == self._waiting:
            return
        self._waiting = waiting
        self.query_one(WaitingBlock).display = waiting
        self.query_one("#picture-stage").display = not waiting
        self.query_one("#picture-line").display = not waiting

    @staticmethod
    def _is_current(frame: Frame, view: View) -> bool:
        """Whether a frame is of a session that is looked at, and that has frames still."""
        has_frames = {s.id for s in view.snapshot.sessions if s.preview}
        return frame.session in has_frames and view.concerns(frame.session)

    def on_waiting_block_filled(self) -> None:
        """Take the keys that the picture had before it was known that there is none."""
        self.bench.claim_focus(self)

    def _drop(self, problem: str = "") -> None:
        """Show no picture, and why there is none."""
        if self.picture is None and problem == self._problem:
            return
        self.picture = None
        self._problem = problem
        self._drawn.show(None)
        self.query_one("#picture").display = False
        none = self.query_one("#picture-none", Static)
        none.update(f"No picture: {problem}" if problem else NO_FRAME)
        none.display = True
        self.query_one(TonedLine).show_parts(())

    def take_keys(self) -> None:
        """The picture, or how to connect, which scrolls by itself to show its heading, too."""
        widget = self.first_focus()
        if widget is not None:
            widget.focus(scroll_visible=False)

    def first_focus(self) -> Widget | None:
        """The picture, or how to connect while there is none."""
        stage = self.query_one("#picture-stage")
        return stage if stage.display else next(iter(self.query(HowToBlock)), None)

    async def fetch(self) -> None:
        """Show a newer frame, or why there is none."""
        try:
            await self._fetch_frame()
        except PictureError as error:
            self._drop(str(error))
        except RefusedError as error:
            # A buffer may have gone between two frames: the last one stays.
            if self.picture is None:
                self._drop(str(error))
        except BenchLostError:
            pass

    def wants(self) -> bool:
        """Whether there may be a newer frame to see."""
        view = self._view
        if view is None or not view.live or view.waiting or not self.bench.link.up:
            return False
        if not any(s.preview and view.concerns(s.id) for s in view.snapshot.sessions):
            return False
        return (self._step or not self.paused) and self.display and self.is_on_screen

    async def _fetch_frame(self) -> None:
        newer = self.picture.frame.serial if self.picture is not None else 0
        asked = self._plan()
        frame, fd = await self.bench.link.call_with_fd(
            "frames.get",
            FrameParams(
                session=self.bench.session,
                row_step=asked.row_step if asked else 8,
                newer_than=newer,
            ),
        )
        if fd is None:
            return
        try:
            if frame.serial == 0:
                return
            planes = [os.pread(fd, plane.length, plane.offset) for plane in frame.planes]
        finally:
            os.close(fd)
        picture = await self._decoded(frame, planes, asked)
        if (self.paused and not self._step) or not self.bench.is_running:
            return
        self.paused = self.paused or self._step
        self._step = False
        self.picture = picture
        self._problem = ""
        self._draw()

    async def _decoded(self, frame: Frame, planes: list[bytes], asked: Window | None) -> Picture:
        if any(plane.bytesperline == 0 for plane in frame.planes):
            return await asyncio.to_thread(Picture, frame, planes, asked)
        return Picture(frame, planes, asked)

    def _plan(self) -> Window | None:
        """What to ask for: by the last frame's size, or the session's."""
        if self.picture is not None:
            width, height = self.picture.frame.width, self.picture.frame.height
        elif self._view is not None and self._view.snapshot.sessions:
            session = next(
                (
                    s
                    for s in self._view.snapshot.sessions
                    if s.preview and self._view.concerns(s.id)
                ),
                self._view.snapshot.sessions[0],
            )
            width, height = session.width, session.height
        else:
            return None
        return self._window_for(width, height)

    def _window_for(self, width: int, height: int) -> Window | None:
        area = self.query_one("#picture-stage").size
        if not (area.width and area.height and width and height):
            return None
        centre = (self.look.across, self.look.down)
        return window(width, height, *self._drawn.room(area), self.look.zoom, centre)

    def _draw(self) -> None:
        picture = self.picture
        if picture is None:
            return
        part = self._window_for(picture.frame.width, picture.frame.height)
        if part is None:
            return
        self._window = part
        self.query_one("#picture").display = True
        self.query_one("#picture-none").display = False
        self._drawn.cross = self._cross(part)
        self._drawn.show(picture.pixels(part))
        self._tell()

    def _tell(self) -> None:
        picture = self.picture
        if picture is None:
            return
        probe = picture.probe(*self.look.probe) if self.look.probe else None
        line = self.query_one(TonedLine)
        parts = info_parts(picture.kind, picture.histogram(), probe, line.size.width)
        line.show_parts(parts)

    def _cross(self, part: Window) -> tuple[int, int] | None:
        if self.look.probe is None:
            return None
        x, y = self.look.probe
        column = int((x - part.left) * part.columns / part.width)
        return column, int((y - part.top) * part.rows / part.height)

    def action_step(self) -> None:
        """Show the next frame, and stay there."""
        self._step = True

    def toggle_pause(self) -> bool:
        """Stop or go on; gives whether it is stopped now."""
        self.paused = not self.paused
        self._step = False
        return self.paused

    def action_zoom(self, by: int) -> None:
        """Nearer or further."""
        place = ZOOMS.index(self.look.zoom) + by
        self.look.zoom = ZOOMS[max(0, min(place, len(ZOOMS) - 1))]
        if self.look.probe and self.picture:
            self._centre_on(*self.look.probe)
        self._draw()

    def action_reset(self) -> None:
        """All of the frame, no probe."""
        self.look = Look()
        self._draw()

    def action_probe(self) -> None:
        """A probe in the middle of what is seen, or none."""
        if self.picture is None:
            return
        frame = self.picture.frame
        there = (int(self.look.across * frame.width), int(self.look.down * frame.height))
        self.look.probe = None if self.look.probe else there
        self._draw()

    def action_go(self, right: int, down: int) -> None:
        """Move the probe, or else what is seen."""
        picture, part = self.picture, self._window
        if picture is None or part is None:
            return
        frame = picture.frame
        if self.look.probe is not None:
            x = self.look.probe[0] + right * max(1, part.width // part.columns)
            y = self.look.probe[1] + down * max(1, 2 * part.height // part.rows)
            self.look.probe = (max(0, min(x, frame.width - 1)), max(0, min(y, frame.height - 1)))
        else:
            self._centre_on(
                int(self.look.across * frame.width) + right * part.width // 2,
                int(self.look.down * frame.height) + down * part.height // 2,
            )
        self._draw()

    def _centre_on(self, x: int, y: int) -> None:
        assert self.picture is not None
        half = 0.5 / self.look.zoom
        self.look.across = max(half, min(x / self.picture.frame.width, 1 - half))
        self.look.down = max(half, min(y / self.picture.frame.height, 1 - half))

    def on_click(self, event: events.Click) -> None:
        """Probe the pixel that was clicked."""
        part = self._window
        if part is None or not self._drawn.display:
            return
        found = self._drawn.pixel_at(event.screen_offset - self._drawn.region.offset)
        if found is not None:
            self.look.probe = (
                part.left + int((found[0] + 0.5) * part.width / part.columns),
                part.top + int((found[1] + 0.5) * part.height / part.rows),
            )
            self._draw()

    def on_resize(self) -> None:
        """Draw it at its new size."""
        self._draw()
