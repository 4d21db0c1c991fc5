"""A QEMU without a guest: memory, I/O ports and PCI by the qtest protocol."""

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

CONFIG_ADDRESS = 0xCF8
CONFIG_DATA = 0xCFC
START_LIMIT_S = 60.0


class QtestError(Exception):
    """QEMU ended, or answered FAIL."""


class Qtest:
    """A running `qemu -accel qtest`; every access is one line sent and one line back."""

    def __init__(self, program: str, options: Sequence[str], folder: Path) -> None:
        path = folder / "qtest.sock"
        self._log = (folder / "qemu.log").open("wb")
        self._log_path = folder / "qemu.log"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(START_LIMIT_S)
            self.process = subprocess.Popen(
                [program, "-accel", "qtest", "-qtest", f"unix:{path}", *options],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
            try:
                self._socket = listener.accept()[0]
            except TimeoutError:
                self.process.kill()
                raise QtestError(f"QEMU did not connect: {self.output()}") from None
        self._socket.settimeout(START_LIMIT_S)
        self._lines = self._socket.makefile("rb")
        self.interrupts: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """End QEMU; gives its exit code (negative: by a signal, QEMU's own crashes among them)."""
        ended_already = self.process.poll()
        if ended_already is None:
            self.process.terminate()
        code = self.process.wait(timeout=START_LIMIT_S)
        self._lines.close()
        self._socket.close()
        self._log.close()
        return code if ended_already is None else ended_already

    def output(self) -> str:
        """What QEMU printed so far."""
        return self._log_path.read_text(errors="replace")

    def command(self, text: str) -> str:
        """Send one command; gives what follows OK. QtestError on FAIL or when QEMU is gone."""
        try:
            self._socket.sendall(text.encode() + b"\n")
            while True:
                line = self._lines.readline().decode().strip()
                if not line:
                    raise QtestError(f"QEMU ended at {text[:60]!r}: {self.output()}")
                if line.startswith("IRQ"):
                    self.interrupts.append(line)
                    continue
                break
        except OSError as error:
            raise QtestError(f"QEMU ended at {text[:60]!r} ({error}): {self.output()}") from error
        if not line.startswith("OK"):
            raise QtestError(f"{text[:60]!r}: {line}")
        return line[2:].strip()

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes of physical memory."""
        return bytes.fromhex(self.command(f"read {address:#x} {size:#x}").removeprefix("0x"))

    def write(self, address: int, data: bytes) -> None:
        """Store bytes in physical memory."""
        self.command(f"write {address:#x} {len(data):#x} 0x{data.hex()}")

    def load(self, address: int, width: int) -> int:
        """A register of 1, 2, 4 or 8 bytes."""
        return int(self.command(f"read{_SUFFIX[width]} {address:#x}"), 0)

    def store(self, address: int, width: int, value: int) -> None:
        """Set a register of 1, 2, 4 or 8 bytes."""
        self.command(f"write{_SUFFIX[width]} {address:#x} {value:#x}")

    def pci_load(self, slot: int, register: int) -> int:
        """32 bits of the configuration space of device `slot` on bus 0."""
        self.command(f"outl {CONFIG_ADDRESS:#x} {_pci_address(slot, register):#x}")
        return int(self.command(f"inl {CONFIG_DATA:#x}"), 0)

    def pci_store(self, slot: int, register: int, value: int) -> None:
        """Set 32 bits of the configuration space of device `slot` on bus 0."""
        self.command(f"outl {CONFIG_ADDRESS:#x} {_pci_address(slot, register):#x}")
        self.command(f"outl {CONFIG_DATA:#x} {value:#x}")


_SUFFIX = {1: "b", 2: "w", 4: "l", 8: "q"}


def _pci_address(slot: int, register: int) -> int:
    return 0x8000_0000 | slot << 11 | register & 0xFC


@contextmanager
def machine(
    program: str, folder: Path, vhost_socket: Path, *, virtio_id: int = 45, queue_size: int = 64
) -> Iterator[Qtest]:
    """A q35 with 64 MiB of shared memory and the generic vhost-user device in slot 4."""
    options = [
        *("-machine", "q35,memory-backend=mem"),
        *("-object", "memory-backend-memfd,id=mem,size=64M,share=on"),
        *("-m", "64M", "-display", "none", "-nodefaults"),
        *("-chardev", f"socket,id=vu,path={vhost_socket}"),
        *(
            "-device",
            (
                f"vhost-user-test-device-pci,chardev=vu,virtio-id={virtio_id},num_vqs=2,"
                f"vq_size={queue_size},config_size=40,addr=04.0"
            ),
        ),
    ]
    with Qtest(program, options, folder) as qtest:
        yield qtest


def version_of(program: str) -> tuple[int, int]:
    """The version of a QEMU as (major, minor)."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    if found is None:
        raise QtestError(f"{program} does not tell its version: {text}")
    return int(found[1]), int(found[2])
