"""A scenario's report as JUnit XML, which CI systems show."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree


def junit_xml(report: Mapping[str, Any]) -> str:
    """The XML text of a report, which is the plain data of a ScenarioReport."""
    steps = report["steps"]
    failed = [step for step in steps if not step["passed"] and not step["skipped"]]
    counts = {
        "tests": str(len(steps)),
        "failures": str(len(failed)),
        "errors": "0",
        "skipped": str(sum(step["skipped"] for step in steps)),
        "time": f"{report['seconds']:.3f}",
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(report["name"]), **counts})
    for step in steps:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {
                "classname": _clean(report["name"]),
                "name": _clean(f"{step['number']}. {step['title']}"),
                "time": f"{step['seconds']:.3f}",
            },
        )
        if step["skipped"]:
            ElementTree.SubElement(case, "skipped")
        elif not step["passed"]:
            message = _clean(step["message"])
            failure = ElementTree.SubElement(case, "failure", {"message": message})
            failure.text = message
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(
        c if c in "\t\n\r" or 0x20 <= ord(c) not in {0xFFFE, 0xFFFF} else "?" for c in text
    )
