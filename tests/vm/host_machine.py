"""A machine with video devices: Debian's kernel with vivid, and this system's files read-only.

It runs what this system has, the same Python with the same packages, on a kernel that carries
V4L2's virtual driver. The files come by 9p, so the initramfs holds busybox and kernel modules only.
"""

import hashlib
import lzma
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.vm.initramfs import archive_of_files

PROJECT = Path(__file__).resolve().parents[2]
UNPACK = PROJECT / "tests" / "debian" / "unpack-packages"
SILENCE_LIMIT_S = 400
LIMIT_S = 1200

WANTED = ("9pnet_virtio", "9p", "vivid")

# Nothing is mounted over /tmp or /run, as the project or its Python may live there.
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /host
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in {modules}; do
  insmod /modules/$module.ko $(cat /modules/$module.options 2>/dev/null) || echo "no $module"
done
options=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o $options,ro,cache=loose host /host || echo "the host's files are not there"
mount -t proc proc /host/proc
mount -t sysfs sys /host/sys
mount -t devtmpfs dev /host/dev
mkdir -p /host/dev/shm /host/dev/results
mount -t tmpfs shm /host/dev/shm
mount -t 9p -o $options,cache=none results /host/dev/results
for module in /host/dev/results/modules/*.ko; do
  [ ! -e $module ] || insmod $module || echo "no $module"
done
chroot /host /bin/sh /dev/results/script >/dev/ttyS1 2>&1 </dev/null
echo $? >/host/dev/results/code
trouble='BUG|WARNING|Oops|INFO: task|Call Trace|general protection'
dmesg | grep -E "$trouble" >/host/dev/results/trouble
sync
echo o >/proc/sysrq-trigger
sleep 30
"""

VIVID_OPTIONS = "n_devs=3 node_types=0x101,0x101,0x1 multiplanar=1,2,1 allocators=0,0,1"
"""Three devices: single-planar, multi-planar, and one whose driver takes no USERPTR."""


class MachineError(Exception):
    """The machine could not be built, or did not come to an end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the script printed, its exit code, and what the kernel complained about."""

    output: str
    code: int
    trouble: str


class HostMachine:
    """A bootable kernel and initramfs, made once into `cache`."""

    def __init__(self, cache: Path) -> None:
        # What it was made from is in its name.
        cache /= hashlib.sha256((INIT + VIVID_OPTIONS).encode()).hexdigest()[:12]
        self.kernel = cache / "vmlinuz"
        self.initrd = cache / "initrd"
        if not self.initrd.exists():
            self._build(cache)

    def run(self, qemu: str, folder: Path, script: str, modules: Sequence[Path] = ()) -> Outcome:
        """Boot, run `script` in this system's /bin/sh as root, power off.

        `folder` is /dev/results in the machine; `modules` are inserted before. MachineError when
        it ends without a result, says nothing for SILENCE_LIMIT_S or is not through after LIMIT_S.
        """
        (folder / "script").write_text(script)
        (folder / "modules").mkdir()
        for number, module in enumerate(modules):
            shutil.copy(module, folder / "modules" / f"{number}-{module.name}")
        logs = [folder / "console.log", folder / "script.log"]
        with (folder / "qemu.log").open("wb") as said:
            running = subprocess.Popen(
                [qemu, *_options(self.kernel, self.initrd, folder, logs)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            try:
                _wait_while_it_talks(running, logs)
            finally:
                running.kill()
                running.wait()
        if not (folder / "code").exists():
            raise MachineError(f"the script did not end:\n{_tail([*logs, folder / 'qemu.log'])}")
        return Outcome(
            logs[1].read_text(errors="replace").replace("\r\n", "\n"),
            int((folder / "code").read_text()),
            (folder / "trouble").read_text(errors="replace"),
        )

    def _build(self, cache: Path) -> None:
        tree = cache / "tree"
        shutil.rmtree(cache, ignore_errors=True)
        unpacked = subprocess.run(
            [str(UNPACK), str(tree), "trixie", "linux-image-amd64", "busybox-static"],
            capture_output=True,
            text=True,
            check=False,
        )
        if unpacked.returncode:
            raise MachineError(f"cannot get the machine's packages: {unpacked.stderr[-2000:]}")
        shutil.copy(next((tree / "boot").glob("vmlinuz-*")), self.kernel)
        modules = modules_in_order(tree / "usr/lib/modules", WANTED)
        files = {
            "init": (0o755, INIT.format(modules=" ".join(modules)).encode()),
            "bin/busybox": (0o755, (tree / "usr/bin/busybox").read_bytes()),
            "modules/vivid.options": (0o644, VIVID_OPTIONS.encode()),
        }
        files |= {f"modules/{name}.ko": (0o644, content) for name, content in modules.items()}
        folders = ("bin", "modules")
        self.initrd.with_suffix(".new").write_bytes(archive_of_files(files, folders))
        self.initrd.with_suffix(".new").rename(self.initrd)
        shutil.rmtree(tree)


def modules_in_order(root: Path, wanted: Sequence[str]) -> dict[str, bytes]:
    """Kernel modules by name with all that they depend on, in the order to insert them."""
    paths = {
        path.name.removesuffix(".xz").removesuffix(".ko").replace("-", "_"): path
        for path in root.rglob("*.ko*")
    }
    found: dict[str, bytes] = {}

    def take(name: str) -> None:
        if name in found:
            return
        if name not in paths:
            raise MachineError(f"the kernel has no module {name}")
        raw = paths[name].read_bytes()
        content = lzma.decompress(raw) if paths[name].suffix == ".xz" else raw
        depends = re.search(rb"\0depends=([^\0]*)\0", content)
        for other in (depends[1].decode() if depends else "").split(","):
            if other:
                take(other.replace("-", "_"))
        found[name] = content

    for name in wanted:
        take(name)
    return found


def _options(kernel: Path, initrd: Path, folder: Path, logs: Sequence[Path]) -> list[str]:
    return [
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1G", "-machine", "q35"),
        *("-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-vga", "none", "-nic", "none"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 quiet panic=-1"),
        *(option for log in logs for option in ("-serial", f"file:{log}")),
        "-virtfs",
        "local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on",
        "-virtfs",
        f"local,path={folder},mount_tag=results,security_model=none,multidevs=remap",
    ]


def _wait_while_it_talks(running: "subprocess.Popen[bytes]", logs: Sequence[Path]) -> None:
    """Wait until the machine is off; MachineError when it says nothing for long, or takes long."""
    said, end = -1, time.monotonic() + LIMIT_S
    while True:
        left = end - time.monotonic()
        try:
            running.wait(max(0.0, min(SILENCE_LIMIT_S, left)))
        except subprocess.TimeoutExpired:
            now = sum(log.stat().st_size for log in logs if log.exists())
            if left <= SILENCE_LIMIT_S:
                why = f"it was not through after {LIMIT_S} s"
            elif now == said:
                why = f"nothing was said for {SILENCE_LIMIT_S} s"
            else:
                said = now
                continue
            raise MachineError(f"{why}:\n{_tail(logs)}") from None
        else:
            return


def _tail(logs: Sequence[Path]) -> str:
    return "\n".join(
        f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}" for log in logs if log.exists()
    )
