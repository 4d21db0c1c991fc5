"""Fault rules and scenarios."""

from typing import Any

from vmedia_bench.cli.table import printable, table

HEAD = ("rule", "state", "matched", "fired", "does")


def faults_text(result: dict[str, Any]) -> str:
    """One line a rule."""
    rows = [
        (str(row["id"]), state(row), str(row["matched"]), str(row["fired"]), row["text"])
        for row in result["faults"]
    ]
    return table(HEAD, rows) if rows else "no fault rules"


def fault_text(row: dict[str, Any]) -> str:
    """One rule, as the answer to what was done with it."""
    count = row["fired"]
    fired = "" if not count else ", fired once" if count == 1 else f", fired {count} times"
    return f"rule {row['id']} {state(row)}{fired}: {printable(row['text'])}"


def presets_text(result: dict[str, Any]) -> str:
    """One line a preset."""
    rows = [(preset["name"], preset["summary"]) for preset in result["presets"]]
    return table(("preset", "does"), rows)


def report_text(report: dict[str, Any]) -> str:
    """A scenario's steps and outcome."""
    rows = [
        (str(step["number"]), _outcome(step), f"{step['seconds']:.2f}", step["title"])
        for step in report["steps"]
    ]
    failures = [
        f"step {step['number']}: {step['message']}"
        for step in report["steps"]
        if step["message"] and not step["passed"] and not step["skipped"]
    ]
    verdict = "passed" if report["passed"] else "FAILED"
    end = f"{report['name']}: {verdict} in {report['seconds']:.2f} s"
    return "\n".join((table(("step", "outcome", "seconds", "what"), rows), *failures, end))


def state(row: dict[str, Any]) -> str:
    """armed, disarmed or spent."""
    if row["spent"]:
        return "spent"
    return "armed" if row["armed"] else "disarmed"


def _outcome(step: dict[str, Any]) -> str:
    if step["skipped"]:
        return "skipped"
    return "passed" if step["passed"] else "FAILED"
