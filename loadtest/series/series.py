"""Runs variants interleaved, ABCABC, each with fresh replicas, and puts their figures together."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtest.prepare import prepare
from loadtest.report import Report, write_all
from loadtest.report.figures import FILE, Estimate, Figures, Variant
from loadtest.run import run_scenario
from loadtest.scenario import Scenario
from loadtest.series.spread import METRICS, RUNS_NEEDED, Spread, differences, spreads
from loadtest.summary import Verdict

Measure = Callable[[str, Scenario, int], Report]
"""Makes one run: the variant's name, its scenario with the run's own seed, the run's number."""


@dataclass(frozen=True)
class Series:
    """All runs of all variants, in the order in which each variant's were made."""

    reports: dict[str, list[Report]]
    command: str

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict of any run: failed, then invalid."""
        verdicts = {
            report.summary.verdict for reports in self.reports.values() for report in reports
        }
        for worst in (Verdict.FAILED, Verdict.INVALID):
            if worst in verdicts:
                return worst
        return Verdict.PASSED

    def spreads(self, name: str) -> dict[str, Spread]:
        """Return a variant's figures over its runs."""
        return spreads([report.summary for report in self.reports[name]])

    def differences(self, name: str) -> dict[str, Spread]:
        """Return a variant's figures minus those of the first one."""
        base = next(iter(self.reports.values()))
        return differences(
            [report.summary for report in self.reports[name]], [each.summary for each in base]
        )

    @property
    def noisy(self) -> list[str]:
        """Say which variants have too few runs, and which figures vary too much for theirs."""
        few = [
            f"{name}: {len(reports)} runs give no interval; {RUNS_NEEDED} do."
            for name, reports in self.reports.items()
            if len(reports) < RUNS_NEEDED
        ]
        return few or [
            f"{name}: {metric} varies by {found.cv or 0:.0%} over {len(found.values)} runs;"
            " more runs are needed."
            for name in self.reports
            for metric, found in self.spreads(name).items()
            if not found.enough
        ]

    def to_json(self) -> str:
        """Return all figures as JSON text; seconds everywhere."""
        first = next(iter(self.reports))
        content = {
            "command": self.command,
            "verdict": self.verdict,
            "noisy": self.noisy,
            "variants": {
                name: {
                    "kind": reports[0].scenario.fleet.kind,
                    "load_model": reports[0].scenario.load.words,
                    "runs": [json.loads(report.to_json()) for report in reports],
                    "figures": _dicts(self.spreads(name)),
                    f"minus_{first}": _dicts(self.differences(name)) if name != first else None,
                }
                for name, reports in self.reports.items()
            },
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def figures(self) -> Figures:
        """Return what a page can draw: the median percentiles of each variant."""
        return Figures(
            variants=tuple(
                Variant(
                    name=name,
                    kind=reports[0].scenario.fleet.kind,
                    runs=len(reports),
                    percentiles={
                        metric.removesuffix("_s"): Estimate(
                            value=found.median, low=found.low, high=found.high
                        )
                        for metric, found in self.spreads(name).items()
                        if metric.startswith("p")
                    },
                )
                for name, reports in self.reports.items()
            )
        )


def run_series(
    variants: Mapping[str, Scenario],
    runs: int,
    most_runs: int,
    measure: Measure,
    command: str,
) -> Series:
    """Run every variant `runs` times, interleaved, and more while the figures are too noisy.

    Args:
        variants: by name; the first is the one that others are compared with.
        runs: rounds; five or more give intervals.
        most_runs: rounds at the most.
        measure: makes one run.
        command: how the series was started.
    """
    series = Series({name: [] for name in variants}, command)
    for number in range(max(runs, most_runs)):
        if number >= runs and not series.noisy:
            break
        for name, scenario in variants.items():
            report = measure(name, scenario.with_seed_of_run(number), number)
            series.reports[name].append(report)
    return series


def measurer(
    variants: Mapping[str, Scenario],
    folder: Path,
    command: str,
    tell: Callable[[str], None],
) -> Measure:
    """Return what makes a run in a folder of its own; the right answers are computed once.

    Raises:
        LoadTestError: a variant cannot be prepared.
    """
    tell("computing the right answers")
    prepared = {
        name: prepare(scenario.fleet.store, scenario.payload, scenario.load.seed)
        for name, scenario in variants.items()
    }

    def measure(name: str, scenario: Scenario, number: int) -> Report:
        place = folder / name / f"run-{number}"
        place.mkdir(parents=True, exist_ok=True)
        report = run_scenario(
            scenario,
            place,
            command,
            lambda words: tell(f"{name}, run {number + 1}: {words}"),
            prepared[name],
        )
        write_all(report, place)
        return report

    return measure


def write_series(series: Series, folder: Path) -> None:
    """Write series.json, and beside it what a page can draw."""
    (folder / "series.json").write_text(series.to_json(), encoding="utf-8")
    (folder / FILE).write_text(series.figures().model_dump_json(indent=2), encoding="utf-8")


def _dicts(found: Mapping[str, Spread]) -> dict[str, object]:
    return {name: dataclasses.asdict(found[name]) for name in METRICS if name in found}
