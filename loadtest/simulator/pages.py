"""A study's figures in a folder: JSON, and a page drawn from it."""

import dataclasses
import json
from pathlib import Path

from loadtest.report import rebuild
from loadtest.report.figures import FILE, Curve, Figures, Prediction
from loadtest.report.figures import Point as Drawn
from loadtest.simulator.point import Point
from loadtest.simulator.result import Result
from loadtest.simulator.validation import Check

JSON = "simulation.json"


def write_result(result: Result, folder: Path, command: str) -> Path:
    """Write simulation.json, figures.json and the page; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(result.to_json()) | {"command": command}
    (folder / JSON).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / FILE).write_text(figures(result).model_dump_json(indent=2), encoding="utf-8")
    return rebuild(folder)


def figures(result: Result) -> Figures:
    """Return curves by policy, and every prediction of a held-out run beside its measurement."""
    policies = dict.fromkeys(point.policy for point in result.curve)
    return Figures(
        curves=tuple(
            Curve(
                name=policy,
                kind="simulated",
                points=tuple(_drawn(each) for each in result.curve if each.policy == policy),
            )
            for policy in policies
        ),
        predictions=tuple(
            _prediction(check, each.run) for each in result.validations for check in each.checks
        ),
    )


def _drawn(point: Point) -> Drawn:
    # A latency that keeps rising has no percentile: what the run gives depends on its length.
    steady = dataclasses.replace(point, p50_s=None, p99_s=None) if point.grows else point
    return Drawn(
        offered_per_s=point.rate_per_s,
        goodput_per_s=point.goodput_per_s,
        p50_s=steady.p50_s,
        p99_s=steady.p99_s,
    )


def _prediction(check: Check, run: str) -> Prediction:
    return Prediction(
        name=f"{check.name}, {run}",
        unit="per_s" if check.name == "throughput" else "s",
        simulated=check.predicted,
        measured=check.measured,
        held_out=True,
    )
