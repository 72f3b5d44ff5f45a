"""A run as JUnit XML: each threshold is a test case, so that CI shows which one broke."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET  # written, never parsed

from loadtest.report.checks import checks


def junit(name: str, content: Mapping[str, Any]) -> str:
    """Return the XML of a run.

    Args:
        name: of the suite: the scenario's.
        content: of report.json.
    """
    found = checks(content)
    suite = ET.Element(
        "testsuite",
        name=name,
        tests=str(len(found)),
        failures=str(sum(not check.passed for check in found)),
        errors="0",
        skipped="0",
        time=f"{content['elapsed_s']:.3f}",
        timestamp=str(content["date"]),
    )
    properties = ET.SubElement(suite, "properties")
    for key in ("kind", "load_model", "command"):
        ET.SubElement(properties, "property", name=key, value=str(content[key]))
    for check in found:
        case = ET.SubElement(suite, "testcase", classname=f"loadtest.{name}", name=check.name)
        if check.passed:
            ET.SubElement(case, "system-out").text = check.said
        else:
            ET.SubElement(case, "failure", message=check.said)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
