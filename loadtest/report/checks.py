"""What a run is held to, one check a line: for JUnit and for the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.report.words import ms, rate


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    passed: bool
    said: str
    """What was measured, and the limit."""


def checks(content: Mapping[str, Any]) -> list[Check]:
    """Return what a report's JSON says of a run: the generator first, for all else rests on it."""
    counts, scenario = content["counts"], content.get("scenario") or {}
    valid = content["verdict"] != "invalid"
    doubts = " ".join(content["warnings"])
    found = [
        Check("the generator can vouch for the run", valid, "it kept up" if valid else doubts),
        Check("no answer is wrong", counts["wrong"] == 0, f"{counts['wrong']:,} are wrong"),
    ]
    slo, result = scenario.get("slo"), content.get("slo")
    if slo and result:
        said = (
            f"{result['over']:,} of {result['requests']:,} requests were not right within"
            f" {ms(slo['limit_s'])}; errors {result['error_share']:.2%}"
        )
        found.append(Check("the SLO is met", bool(result["met"]), said))
    limits = scenario.get("thresholds") or {"max_lost_share": 0.0}
    for name, limit in limits.items():
        if limit is not None:
            found += _threshold(name, limit, content)
    return found


def _threshold(name: str, limit: float, content: Mapping[str, Any]) -> Iterator[Check]:
    """Return the check of one threshold of a scenario; of a name that is none: nothing."""
    kind, _, what = name.partition("_")
    if what.endswith("_share"):
        ended = what.removesuffix("_share")
        counts = content["counts"]
        share = counts[ended] / counts["sent"] if counts["sent"] else 0.0
        yield Check(f"{ended} at most {limit:.2%}", share <= limit, f"{share:.2%}")
    elif what.endswith("_per_s"):
        measured = _rate(what.removesuffix("_per_s"), content)
        words = f"{what.removesuffix('_per_s')} at least {rate(limit)} a second"
        yield Check(words, measured >= limit, f"{rate(measured)} a second")
    elif kind == "max":
        yield _latency(what.removesuffix("_s"), limit, content["latency"])


def _rate(what: str, content: Mapping[str, Any]) -> float:
    if what == "goodput":
        return float((content.get("slo") or {}).get("goodput_per_s", 0.0))
    return float(content["throughput_per_s"])


def _latency(name: str, limit_s: float, latency: Mapping[str, Any]) -> Check:
    words = f"{name} at most {ms(limit_s)}"
    found = latency.get(name)
    if found is None:
        return Check(words, False, "too few requests to tell")
    at_least = bool(found["at_least"])
    passed = found["value_s"] <= limit_s and not at_least
    return Check(words, passed, f"{'at least ' if at_least else ''}{ms(found['value_s'])}")
