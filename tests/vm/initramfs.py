"""Initramfs archives: the cpio "newc" format, as Documentation/driver-api/early-userspace says."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TRAILER = "TRAILER!!!"


def archive_of_tree(root: Path) -> Iterator[bytes]:
    """An archive of everything below `root`, owned by root."""
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(root))
        if stat.S_ISLNK(status.st_mode):
            yield _entry(name, status.st_mode, str(path.readlink()).encode())
        elif stat.S_ISDIR(status.st_mode):
            yield _entry(name, status.st_mode, b"")
        elif stat.S_ISREG(status.st_mode):
            yield _entry(name, status.st_mode, path.read_bytes())
    yield _entry(_TRAILER, 0, b"")


def archive_of_files(files: Mapping[str, tuple[int, bytes]], folders: Sequence[str] = ()) -> bytes:
    """An archive of folders, and of files given as name -> (permissions, content)."""
    entries = [_entry(name, stat.S_IFDIR | 0o755, b"") for name in folders]
    entries += [_entry(name, stat.S_IFREG | mode, data) for name, (mode, data) in files.items()]
    return b"".join((*entries, _entry(_TRAILER, 0, b"")))


def _entry(name: str, mode: int, data: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
