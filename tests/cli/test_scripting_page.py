"""A new user succeeds by pasting docs/scripting.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "scripting.md"
LIMIT_S = 240


def blocks(language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    script = "set -eu\n" + "\n".join(
        f"echo '== block {n}'\n{b}" for n, b in enumerate(blocks("sh"))
    )
    programs = Path(sys.executable).parent
    said = tmp_path / "said"
    with said.open("w") as out:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        )
    text = said.read_text()
    assert done.returncode == 0, text
    assert "camera: passed" in text
    assert "exit code 5" in text
    assert "exit code 2" in text
    assert (tmp_path / "report.xml").read_text().count("<testcase") == 4
    for name in ("frame.png", "frame.yuv", "camera.pcapng", "trace.jsonl", "session-1.json"):
        assert (tmp_path / name).stat().st_size > 100, name
    assert "Error" not in text


def test_the_job_for_github_runs_the_same_file() -> None:
    (job,) = blocks("yaml")
    assert "sh camera-ci.sh" in job
