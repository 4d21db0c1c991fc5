"""A real Linux guest: Debian's kernel and v4l-utils in an initramfs, run by QEMU's emulation."""

import gzip
import lzma
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.vm.initramfs import archive_of_files, archive_of_tree

PROJECT = Path(__file__).resolve().parents[2]
UNPACK = PROJECT / "tests" / "debian" / "unpack-packages"
BOOT_LIMIT_S = 240
VIRTIO_ID = 30

# In the order in which they can be inserted.
MODULES = ("mc", "videodev", "videobuf2-common", "videobuf2-memops", "videobuf2-v4l2")

INIT = """#!/usr/bin/busybox sh
export PATH=/usr/bin:/usr/sbin HOME=/tmp TERM=dumb
/usr/bin/busybox --install -s /usr/bin 2>/dev/null
mkdir -p /proc /sys /dev /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in {modules}; do
  insmod /modules/$module.ko || echo "cannot insert $module" >/dev/ttyS1
done
insmod /virtio_media.ko {parameters} || echo "cannot insert virtio_media" >/dev/ttyS1
tries=0
while [ ! -e /dev/video0 ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); usleep 50000; done
{{ sh /script; echo "exit code $?"; }} >/dev/ttyS1 2>&1
dmesg | grep -E 'virtio.media|BUG|WARNING|Oops|Call Trace' >/dev/ttyS2
echo o >/proc/sysrq-trigger
"""


class GuestError(Exception):
    """The guest could not be built, or did not come to an end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the script printed, its exit code, and the kernel's lines about the driver."""

    output: str
    code: int
    kernel: str


class LinuxGuest:
    """Debian's kernel for which `module`, a virtio_media driver, was built."""

    def __init__(self, module: Path, cache: Path) -> None:
        self.module = module
        self.release = kernel_release_of(module)
        self.folder = cache / self.release
        self.kernel = self.folder / "vmlinuz"
        self.initrd = self.folder / "initrd.gz"
        if not self.initrd.exists():
            self._build()

    def run(
        self, qemu: str, socket: Path, folder: Path, script: str, *, parameters: str = ""
    ) -> Outcome:
        """Boot, insert the modules, run `script` in a shell, power off.

        `parameters` are the driver's module parameters. GuestError when it does not end in time.
        """
        init = INIT.format(modules=" ".join(MODULES), parameters=parameters)
        extra = archive_of_files(
            {
                "init": (0o755, init.encode()),
                "script": (0o644, script.encode()),
                "virtio_media.ko": (0o644, self.module.read_bytes()),
            }
        )
        initrd = folder / "initrd.gz"
        initrd.write_bytes(self.initrd.read_bytes() + gzip.compress(extra, 1))
        logs = [folder / name for name in ("console.log", "script.log", "kernel.log")]
        try:
            finished = subprocess.run(
                [qemu, *_options(self.kernel, initrd, socket, logs)],
                timeout=BOOT_LIMIT_S,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GuestError(f"no end after {BOOT_LIMIT_S} s:\n{_tail(logs)}") from None
        output = logs[1].read_text(errors="replace").replace("\r\n", "\n")
        code = re.search(r"exit code (\d+)\n?\Z", output)
        if code is None:
            raise GuestError(f"the script did not end: {finished.stderr}\n{_tail(logs)}")
        return Outcome(output[: code.start()], int(code[1]), logs[2].read_text(errors="replace"))

    def _build(self) -> None:
        tree = self.folder / "tree"
        shutil.rmtree(self.folder, ignore_errors=True)
        packages = [f"linux-image-{self.release}", "v4l-utils", "busybox-static", "coreutils"]
        unpacked = subprocess.run(
            [str(UNPACK), str(tree), "trixie", *packages],
            capture_output=True,
            text=True,
            check=False,
        )
        if unpacked.returncode:
            raise GuestError(f"cannot get the guest's packages: {unpacked.stderr[-2000:]}")
        shutil.copy(tree / "boot" / f"vmlinuz-{self.release}", self.kernel)
        self._keep_needed_modules(tree)
        for name in ("boot", "usr/share", "usr/lib/modules", "etc", "var"):
            shutil.rmtree(tree / name, ignore_errors=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            if not (tree / name).exists():
                (tree / name).symlink_to(f"usr/{name}")
        with gzip.open(self.initrd.with_suffix(".new"), "wb", compresslevel=1) as archive:
            for part in archive_of_tree(tree):
                archive.write(part)
        self.initrd.with_suffix(".new").rename(self.initrd)
        shutil.rmtree(tree)

    def _keep_needed_modules(self, tree: Path) -> None:
        found = {
            path.name.removesuffix(".xz").removesuffix(".ko"): path
            for path in (tree / "usr/lib/modules").rglob("*.ko.xz")
        }
        (tree / "modules").mkdir()
        for name in MODULES:
            (tree / "modules" / f"{name}.ko").write_bytes(lzma.decompress(found[name].read_bytes()))


def kernel_release_of(module: Path) -> str:
    """The kernel that a module was built for, from its vermagic."""
    found = re.search(rb"vermagic=(\S+)", module.read_bytes())
    if found is None:
        raise GuestError(f"{module} is not a kernel module")
    return found[1].decode()


def _options(kernel: Path, initrd: Path, socket: Path, logs: Sequence[Path]) -> list[str]:
    return [
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-m", "1G"),
        *("-object", "memory-backend-memfd,id=mem,size=1G,share=on"),
        *("-machine", "q35,memory-backend=mem", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-vga", "none", "-nic", "none"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 quiet panic=-1"),
        *(option for log in logs for option in ("-serial", f"file:{log}")),
        *("-chardev", f"socket,id=vm,path={socket}"),
        "-device",
        f"vhost-user-test-device-pci,chardev=vm,virtio-id={VIRTIO_ID},num_vqs=2,vq_size=256,config_size=40",
    ]


def _tail(logs: Sequence[Path]) -> str:
    return "\n".join(
        f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists()
    )
