"""The built-in guest at the press of a key."""

from vmedia_bench.control.client import Client
from vmedia_bench.control.operations.bench import BenchStatus, VmState
from vmedia_bench.tui.starting import Helper, start_guest


class GuestRunner:
    """Starts the guest, and stops it when asked or when the workbench ends."""

    def __init__(self) -> None:
        self._guest: Helper | None = None

    @property
    def running(self) -> bool:
        """Whether our guest runs."""
        return self._guest is not None and self._guest.running

    def toggle(self, status: BenchStatus) -> str:
        """Start it, or stop it; gives what to say about that."""
        if self.running:
            self.stop()
            return "It has gone."
        if status.vm not in {VmState.WAITING, VmState.GONE}:
            return "A VM is connected already."
        self._guest = start_guest(status.socket)
        return "It connects and streams. d stops it."

    def start_on(self, bench: str) -> None:
        """Start it on a bench by name, before there is a screen. BenchError when there is none."""
        with Client.connect(bench) as client:
            self._guest = start_guest(client.call("bench.status")["socket"])

    def stop(self) -> None:
        """End it, where it runs."""
        if self._guest is not None:
            self._guest.stop()
            self._guest = None
