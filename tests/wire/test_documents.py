"""The protocol page is what the declarations say, and the declarations stay off the hot path."""

import ast
import subprocess
import sys
from pathlib import Path

import vmedia_bench
from vmedia_bench.wire.layouts.document import document

PACKAGE = Path(vmedia_bench.__file__).parent
DECLARED = PACKAGE / "wire" / "layouts"


def test_the_protocol_page_is_up_to_date() -> None:
    page = PACKAGE.parent / "docs" / "protocol.md"
    assert page.read_text() == document(), (
        "run: python -m vmedia_bench.wire.layouts.document > docs/protocol.md"
    )


def test_only_the_layouts_import_construct() -> None:
    guilty = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if DECLARED not in path.parents and "construct" in _imported(path)
    ]
    assert guilty == []


def test_the_fast_modules_do_not_drag_construct_in() -> None:
    modules = [path.stem for path in (PACKAGE / "wire").glob("*.py") if path.stem != "__init__"]
    imports = "; ".join(f"import vmedia_bench.wire.{name}" for name in modules)
    check = f"import sys; {imports}; sys.exit('construct' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found
