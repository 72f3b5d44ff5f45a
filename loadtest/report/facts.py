"""What a folder holds of a run, and the top of its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest.report.figures import Figures
from loadtest.report.page import Head
from loadtest.report.samples import Samples
from loadtest.report.words import count
from loadtest.watching import Spell


@dataclass(frozen=True)
class Evidence:
    """What a folder holds of a run."""

    name: str
    content: Mapping[str, Any]
    """Of report.json."""
    samples: Samples | None
    figures: Figures
    workers: tuple[Spell, ...] = ()
    """What each worker did over time, of real replicas."""


def head(evidence: Evidence) -> Head:
    """Return the top of the page."""
    content = evidence.content
    machine = content["machine"]
    facts = {
        "load": content.get("load_model", ""),
        "fleet": _fleet(content),
        "requests": _requests(content),
        "in front": _front(content),
        "date": content["date"],
        "machine": f"{machine['cores']} cores of {machine['cpu']}, shared by all processes;"
        f" {machine['system']}; Python {machine['python']}",
        "command": content["command"],
    }
    return Head(
        title=f"Load test: {evidence.name}",
        kind=content.get("kind", "real"),
        verdict=content.get("verdict", ""),
        reasons=tuple(content.get("warnings", ())),
        facts=tuple((name, fact) for name, fact in facts.items() if fact),
    )


def _fleet(content: Mapping[str, Any]) -> str:
    scenario = content.get("scenario")
    if not scenario:
        return ""
    fleet, payload = scenario["fleet"], scenario["payload"]
    return (
        f"{count(fleet['replicas'], 'replica')} of {count(fleet['workers'], 'worker')},"
        f" {scenario['balancer']['policy']};"
        f" {payload['model']} {content.get('model_version', '')}"
    )


def _requests(content: Mapping[str, Any]) -> str:
    counts = content.get("counts")
    if not counts:
        return ""
    causes = ", ".join(f"{cause}: {n:,}" for cause, n in content.get("causes", {}).items())
    return (
        f"{counts['sent']:,} sent = {counts['right']:,} right + {counts['wrong']:,} wrong"
        f" + {counts['refused']:,} refused + {counts['lost']:,} lost"
        f"{f' ({causes})' if causes else ''}"
    )


def _front(content: Mapping[str, Any]) -> str:
    """Say what stood in front and, where it counts, how much more it asked than it was asked."""
    front = content.get("front") or {}
    product, totals = front.get("product", ""), front.get("totals") or {}
    if not totals.get("clients"):
        return str(product)
    asked = sum(totals["upstream"].values())
    extra = [
        count(totals[name], noun)
        for name, noun in (("retries", "retry"), ("hedges", "hedge"), ("cut", "cut request"))
        if totals[name]
    ]
    beside = f" ({', '.join(extra)})" if extra else ""
    return (
        f"our balancer; replicas were asked {asked:,} times for"
        f" {totals['clients']:,} requests{beside}"
    )
