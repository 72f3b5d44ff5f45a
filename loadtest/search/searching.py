"""A search on real or emulated replicas: every rate gets a fleet of its own, started anew."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtest.errors import ScenarioError
from loadtest.machine import this_machine
from loadtest.prepare import prepare
from loadtest.record import read_records
from loadtest.report import write_all
from loadtest.report.figures import FILE, Curve, Figures, Point
from loadtest.run import run_scenario
from loadtest.scenario import MlperfLoad, OpenLoad, Scenario, Slo
from loadtest.search.bracket import Found, Try
from loadtest.search.probe import Probe, judge_probe
from loadtest.statistics.early_stopping import requests_needed

SLOW_ONES = 5
"""A probe is long enough for early stopping to pass with so many requests over the limit."""


@dataclass(frozen=True)
class SearchReport:
    """What is told of a search."""

    scenario: Scenario
    found: Found
    command: str

    @property
    def curve(self) -> list[Probe]:
        """Return every probe, by its rate."""
        probes = [*self.found.probes, *self.found.confirmations]
        return sorted(probes, key=lambda probe: probe.rate_per_s)

    def to_json(self) -> str:
        """Return the search as JSON text; seconds everywhere."""
        content = {
            "kind": self.scenario.fleet.kind,
            "command": self.command,
            "machine": dataclasses.asdict(this_machine()),
            "scenario": self.scenario.model_dump(mode="json"),
            **dataclasses.asdict(self.found),
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"

    def write(self, folder: Path, name: str) -> None:
        """Write search.json, and beside it the curve that a page can draw."""
        points = tuple(
            Point(
                offered_per_s=each.rate_per_s,
                goodput_per_s=each.goodput_per_s,
                p50_s=each.p50_s,
                p99_s=each.p99_s,
                valid=each.valid,
            )
            for each in self.curve
        )
        curve = Curve(name=name, kind=self.scenario.fleet.kind, points=points)
        (folder / "search.json").write_text(self.to_json(), encoding="utf-8")
        text = Figures(curves=(curve,)).model_dump_json(indent=2)
        (folder / FILE).write_text(text, encoding="utf-8")


def searchable(scenario: Scenario) -> tuple[OpenLoad | MlperfLoad, Slo]:
    """Return the load and the SLO of a scenario whose rate can be searched for.

    Raises:
        ScenarioError: it has no SLO, or its load has no one rate.
    """
    load = scenario.load
    if scenario.slo is None:
        raise ScenarioError("A search needs an SLO: [slo] with p and limit_s.")
    if isinstance(load, OpenLoad) and load.shape is None:
        return load, scenario.slo
    if isinstance(load, MlperfLoad) and load.scenario == "Server":
        return load, scenario.slo
    raise ScenarioError("A search needs an open load whose rate does not change.")


def attempts(scenario: Scenario, folder: Path, command: str, tell: Callable[[str], None]) -> Try:
    """Return what tries a rate: a run of the scenario at that rate, in a folder of its own.

    Raises:
        ScenarioError: the scenario cannot be searched.
        LoadTestError: it cannot be prepared.
    """
    load, slo = searchable(scenario)
    tell("computing the right answers")
    prepared = prepare(scenario.fleet.store, scenario.payload, load.seed)
    least = requests_needed(SLOW_ONES, slo.p)

    def attempt(rate_per_s: float, number: int) -> Probe:
        changed = {
            "rate_per_s": rate_per_s,
            "seed": load.seed + number,
            "duration_s": max(load.duration_s, 1.1 * least / rate_per_s),
        }
        tried = load.model_copy(update=changed)
        place = folder / f"probe-{number:02d}"
        place.mkdir(parents=True, exist_ok=True)
        report = run_scenario(
            scenario.model_copy(update={"load": tried}),
            place,
            command,
            lambda words: tell(f"probe {number + 1}, {rate_per_s:,.1f} a second: {words}"),
            prepared,
        )
        write_all(report, place)
        records = read_records(place / "requests.csv")
        return judge_probe(rate_per_s, report.summary, records, tried, slo.limit_s)

    return attempt
