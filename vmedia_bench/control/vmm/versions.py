"""What is known of the VMMs on this machine, and of the versions that abort."""

import re
import shutil
import subprocess
from dataclasses import dataclass

MEDIA_ID = 48
MEDIA_DEVICE = "vhost-user-media-pci"
GENERIC_DEVICE = "vhost-user-test-device-pci"
OLDER_GENERIC_DEVICE = "vhost-user-device-pci"
FALLBACK_ID = 30
# QEMU 11.1's table of device names: an ID without a name there aborts the generic device.
NAMED_IDS = frozenset((*range(1, 14), *range(16, 42), 45))


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU that was found: its version and which devices it has that can take the bench."""

    path: str
    version: tuple[int, int]
    version_text: str
    devices: tuple[str, ...]

    @property
    def generic_device(self) -> str:
        """The name that its generic vhost-user device goes by."""
        return GENERIC_DEVICE if GENERIC_DEVICE in self.devices else OLDER_GENERIC_DEVICE


@dataclass(frozen=True, slots=True)
class VirtioId:
    """A virtio ID for QEMU's generic device, with a warning where one is due."""

    id: int
    warning: str = ""


def inspect_qemu(program: str) -> Qemu | None:
    """Ask a QEMU for its version and devices; None when there is no such program."""
    path = shutil.which(program)
    if path is None:
        return None
    version = _output(path, "--version")
    found = re.search(r"version (\d+)\.(\d+)(\S*)", version)
    if found is None:
        return None
    listed = _output(path, "-device", "help")
    known = (MEDIA_DEVICE, GENERIC_DEVICE, OLDER_GENERIC_DEVICE)
    return Qemu(
        path,
        (int(found[1]), int(found[2])),
        "".join(found.groups()[:1]) + f".{found[2]}{found[3]}",
        tuple(name for name in known if f'"{name}"' in listed),
    )


def usable_virtio_id(wanted: int | None) -> VirtioId:
    """The virtio ID to give the generic device.

    ValueError for an ID outside 1..63.
    """
    if wanted is None:
        return VirtioId(
            FALLBACK_ID,
            f"stock QEMU up to 11.1 aborts on virtio-id={MEDIA_ID}, the media device's own ID, so"
            f" these options say {FALLBACK_ID}, which the driver's ID table then needs too",
        )
    if not 1 <= wanted <= 63:
        raise ValueError(f"--virtio-id {wanted}: virtio IDs are 1 to 63")
    if wanted in NAMED_IDS:
        return VirtioId(wanted)
    return VirtioId(
        wanted,
        f"QEMU 11.1 aborts on virtio-id={wanted}, which has no name in its table: only a QEMU that"
        f" knows this ID will start",
    )


def _output(*command: str) -> str:
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return finished.stdout
