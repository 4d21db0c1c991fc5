"""The API's page and its OpenRPC document are what the registry says, and the examples work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vmedia_bench
from tests.control.guests import streaming_guest
from tests.end_to_end.bench import Bench
from vmedia_bench.control.client import Client
from vmedia_bench.control.document import document
from vmedia_bench.control.openrpc import openrpc
from vmedia_bench.control.registry import operations

DOCS = Path(vmedia_bench.__file__).parent.parent / "docs"
LIMIT_S = 60


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "api.md").read_text() == document(), (
        "run: python -m vmedia_bench.control.document > docs/api.md"
    )


def test_every_operation_is_a_method() -> None:
    methods = {method["name"]: method for method in openrpc()["methods"]}
    assert list(methods) == [each.name for each in operations()]
    wait = {param["name"]: param for param in methods["bench.wait"]["params"]}
    assert wait["condition"]["required"]
    assert wait["timeout_s"]["schema"]["default"] == 30.0


def test_every_reference_leads_somewhere() -> None:
    api = openrpc()
    text = json.dumps(api)
    for reference in set(re.findall(r'"\$ref": "#/components/([^"]*)"', text)):
        kind, _, name = reference.partition("/")
        assert name in api["components"][kind]


def test_types_have_plain_names() -> None:
    """Two types of one name would be told apart by their modules."""
    assert [name for name in openrpc()["components"]["schemas"] if "." in name or "_" in name] == []


def test_help_texts_are_descriptions() -> None:
    schemas = openrpc()["components"]["schemas"]
    assert schemas["RingState"]["properties"]["offered"]["description"]
    assert "paused" in schemas["VmState"]["description"]


def test_links_on_the_page_lead_to_headings() -> None:
    page = document()
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
    for link in set(re.findall(r"\]\(#([^)]*)\)", page)):
        assert link in headings
    for link in set(re.findall(r"\]\((examples/[^)]*)\)", page)):
        assert (DOCS / link).is_file()


def test_the_shell_example_asks_with_socat(bench: Bench) -> None:
    if shutil.which("socat") is None:
        pytest.skip("there is no socat: apt install socat")
    environment = os.environ | {"XDG_RUNTIME_DIR": str(bench.socket.parent)}
    script = str(DOCS / "examples" / "status.sh")

    def ask(*arguments: str) -> object:
        done = subprocess.run(
            [script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        )
        return json.loads(done.stdout)["result"]

    with Client.connect(str(bench.control)) as client:
        assert ask("sessions.list") == client.call("sessions.list")
        assert ask("controls.get", '{"control": "hue"}') == client.call(
            "controls.get", control="hue"
        )


def test_the_python_example_follows_and_saves_a_frame(bench: Bench, tmp_path: Path) -> None:
    frame = tmp_path / "frame"
    script = str(DOCS / "examples" / "follow.py")
    command = [sys.executable, "-I", script, str(bench.control), str(frame)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        with streaming_guest(bench) as (_session, stream):
            while follower.poll() is None:
                stream.requeue(stream.next_frame())
        out, _ = follower.communicate(timeout=LIMIT_S)
    assert follower.returncode == 0
    assert frame.stat().st_size == 160 * 120 * 3 // 2
    assert re.search(r"^frame \d+ NV12 160 120$", out, re.MULTILINE)
