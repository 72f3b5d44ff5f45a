"""What a run is held to, one check a line: for JUnit and for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    passed: bool
    said: str
    """What was measured, and the limit."""


def checks(content: Mapping[str, Any]) -> list[Check]:
    """Return what a report's JSON says of a run: the generator first, for all else rests on it."""
    verdict, counts = content["verdict"], content["counts"]
    warnings = " ".join(content["warnings"])
    return [
        Check(
            "the generator can vouch for the run", verdict != "invalid", warnings or "it kept up"
        ),
        Check("no answer is wrong", counts["wrong"] == 0, f"{counts['wrong']:,} are wrong"),
        *_thresholds(content),
    ]


def _thresholds(content: Mapping[str, Any]) -> list[Check]:
    """Return the thresholds that the scenario sets; without any, that nothing is lost."""
    told = content.get("thresholds")
    if told:
        return [Check(each["name"], bool(each["passed"]), str(each["said"])) for each in told]
    lost = content["counts"]["lost"]
    return [Check("no request is lost", lost == 0, f"{lost:,} are lost")]
