"""The scenarios of docs/scenarios, and one with each preset, against a bench with a guest."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.bench import Bench, complaints
from tests.faults.restless_guest import RestlessGuest
from vmedia_bench.control.client import Client, OperationFailedError
from vmedia_bench.faults.check import checked
from vmedia_bench.faults.crash import risk_of
from vmedia_bench.faults.presets import PRESETS

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "scenarios").glob("*.toml"))
CAMERA = ("--size", "160x120", "--pixel-format", "NV12", "--fps", "120", "--no-text")

WITH_A_PRESET = """
name = "{name}"

[[steps]]
title = "frames come"
wait = "frames"
count = 2

[[steps]]
title = "add it"
preset = "{name}"
may_crash_guest = {may_crash}

[[steps]]
title = "it acts"
call = "faults.list"
expect = {{ "faults.[id=${{fault}}].fired" = {{ ge = 1 }} }}
within_s = 20

[[steps]]
title = "what it did is in the trace"
call = "trace.read"
params = {{ kinds = ["fault"], after = -1 }}
expect = {{ "records.length" = 1 }}

[[steps]]
title = "take it away"
clear_faults = true
always = true

[[steps]]
title = "frames come again"
wait = "frames"
count = 5
timeout_s = 20
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench for all of them, with a guest that is always at work."""
    with Bench(tmp_path_factory.mktemp("scenarios") / "vm.sock", *CAMERA) as bench:
        with RestlessGuest(bench.socket):
            yield bench
        log = bench.stop()
    assert complaints(log.splitlines()) == []


@pytest.fixture
def client(bench: Bench) -> Iterator[Client]:
    with Client.connect(str(bench.control)) as client:
        client.call("faults.clear")
        yield client


def run(client: Client, toml: str, *, may_crash_guest: bool = False) -> None:
    """Run a scenario; all its steps pass."""
    client.answer_limit_s = None
    report = client.call("scenarios.run", toml=toml, may_crash_guest=may_crash_guest)
    failures = [
        f"{step['title']}: {step['message']}" for step in report["steps"] if not step["passed"]
    ]
    assert failures == []
    assert report["passed"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_run(client: Client, path: Path) -> None:
    run(client, path.read_text())
    rules = client.call("faults.list")["faults"]
    assert [rule for rule in rules if rule["armed"]] == []


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_acts_and_the_guest_gets_over_it(client: Client, name: str) -> None:
    risk = risk_of(checked(PRESETS[name].rule))
    may_crash = risk is not None and risk.asks
    toml = WITH_A_PRESET.format(name=name, may_crash=str(may_crash).lower())
    run(client, toml, may_crash_guest=may_crash)


def test_a_scenario_that_may_crash_the_guest_is_refused_as_a_whole(client: Client) -> None:
    toml = WITH_A_PRESET.format(name="twice-buffer", may_crash="true")
    with pytest.raises(OperationFailedError, match="may crash the guest: step 2"):
        client.call("scenarios.run", toml=toml)
    assert client.call("faults.list")["faults"] == []


def test_a_preset_that_may_crash_the_guest_fails_its_step_without_leave(client: Client) -> None:
    toml = WITH_A_PRESET.format(name="twice-buffer", may_crash="false")
    report = client.call("scenarios.run", toml=toml)
    assert not report["passed"]
    assert "may crash the guest" in report["steps"][1]["message"]
    assert report["steps"][2]["skipped"]
    assert report["steps"][4]["passed"]


def test_the_examples_say_what_they_are() -> None:
    assert len(EXAMPLES) >= 6
    assert all(tomllib.loads(path.read_text())["name"] for path in EXAMPLES)
