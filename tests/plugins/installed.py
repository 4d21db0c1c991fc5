"""The packages in plugins/, installed as a user would, into a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
NAMES = tuple(sorted(path.parent.name for path in PLUGINS.glob("*/pyproject.toml")))


def install(folder: Path) -> None:
    """All of them, without what they depend on: that is this project and what it depends on."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([*command, *(str(PLUGINS / name) for name in NAMES)], check=True)


def run(folder: Path, module: str, *arguments: str, cwd: Path) -> str:
    """
    Run a module where what was installed into `folder` and this project are found.

    Gives its output; AssertionError with it when the exit code is not 0.
    """
    path = os.pathsep.join((str(folder), str(ROOT)))
    env = {**os.environ, "PYTHONPATH": path, "MYPYPATH": f"src:{ROOT}"}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout
