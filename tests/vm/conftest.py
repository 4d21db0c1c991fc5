"""The Linux guest, where a driver for it is given."""

import os
from pathlib import Path

import pytest

from tests.qemu.conftest import qemu
from tests.vm.linux_guest import LinuxGuest

__all__ = ["qemu"]

PROJECT = Path(__file__).resolve().parents[2]
MODULE = "VMEDIA_BENCH_VM_MODULE"


@pytest.fixture(scope="session")
def linux() -> LinuxGuest:
    """Debian's kernel with the virtio_media module that $VMEDIA_BENCH_VM_MODULE names."""
    path = os.environ.get(MODULE)
    if not path:
        pytest.skip(f"{MODULE} names no virtio_media.ko built for a Debian kernel")
    module = Path(path)
    assert module.is_file(), f"{MODULE}: there is no file {module}"
    return LinuxGuest(module, PROJECT / ".cache" / "vm")
