"""A scenario's report as JUnit XML, which CI systems show."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": _clean(report["name"]), **counts})
    for step in steps:
        case = ET.SubElement(
            suite,
            "testcase",
            {
                "classname": _clean(report["name"]),
                "name": _clean(f"{step['number']}. {step['title']}"),
                "time": f"{step['seconds']:.3f}",
            },
        )
        if step["skipped"]:
            ET.SubElement(case, "skipped")
        elif not step["passed"]:
            message = _clean(step["message"])
            failure = ET.SubElement(case, "failure", {"message": message})
            failure.text = message
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return _NOT_XML.sub("?", text)
