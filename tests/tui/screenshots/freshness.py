"""Which screens the pictures were made from."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "screenshots"
STAMP = FOLDER / "SOURCES.sha256"


def sources_digest() -> str:
    """A digest of everything that a screen is drawn by."""
    digest = hashlib.sha256()
    screens = ROOT / "vmedia_bench" / "tui"
    files = [path for path in screens.rglob("*") if path.suffix in {".py", ".tcss"}]
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
