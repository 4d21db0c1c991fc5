"""The terminal's keys, waited for asleep: Textual looks for them ten times a second."""

import codecs
import os
import selectors
import weakref
from contextlib import suppress
from threading import Event
from typing import Any, Final

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

_MOST: Final = 4096
# An escape that nothing follows for so long is the key; a little later the parser knows.
_ESCAPE_S: Final = constants.ESCAPE_DELAY + 0.01


class WakingEvent(Event):
    """An Event that a selector can wait for, too: its descriptor is readable while it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self._fd)

    def fileno(self) -> int:
        """Give what to wait for."""
        return self._fd

    def set(self) -> None:
        """Wake who waits."""
        super().set()
        os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Let others wait again."""
        super().clear()
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)


class WorkbenchDriver(LinuxDriver):
    """
    Textual's driver for terminals, but for how it waits.

    Each wake-up of its thread takes a processor from a guest or its device for a moment.
    """

    exit_event: WakingEvent

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.exit_event = WakingEvent()

    def run_input_thread(self) -> None:
        """Read keys until the workbench leaves, or the terminal has gone."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        limit: float | None = None
        with selectors.PollSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self.exit_event, selectors.EVENT_READ)
            while True:
                ready = selector.select(limit)
                if self.exit_event.is_set():
                    return
                messages: list[Message] = []
                if ready:
                    data = self._read()
                    if not data:
                        return
                    messages += parser.feed(decode(data))
                messages += parser.tick()
                limit = _ESCAPE_S if ready else None
                for message in messages:
                    self.process_message(message)

    def _read(self) -> bytes:
        """Give what was typed; nothing when the terminal has gone."""
        try:
            return os.read(self.fileno, _MOST)
        except OSError:
            return b""
