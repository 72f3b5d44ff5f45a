"""Measures small fleets, says what a larger one will do, and only then runs the larger one.

    runs of 1, 2 … replicas ─▶ calibration ─▶ forecast.json ─▶ runs of the whole fleet ─▶ errors

The forecast is made from the schedule that the whole fleet will be given, and is on the disk before
its first replica is started.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from loadtest.arrivals import schedule
from loadtest.errors import ScenarioError
from loadtest.forecast.result import Held, Result
from loadtest.report import Report
from loadtest.scenario import ClosedLoad, Load, OpenLoad, Scenario
from loadtest.series.series import Measure
from loadtest.simulator.calibration import Calibration, calibrate
from loadtest.simulator.forecast import Forecast, foresee, foresee_closed
from loadtest.simulator.measured import Setting, read_run
from loadtest.simulator.validation import compare
from loadtest.summary import Verdict

BEFOREHAND = "forecast.json"
"""What was said before the whole fleet was started."""
_SEED = 1000
"""The smaller fleets' loads are of seeds so far from the whole fleet's: none sees its schedule."""


@dataclass(frozen=True)
class Question:
    """What is to be foretold, and from what.

    Args:
        scenario: of the whole fleet.
        smaller: numbers of replicas to calibrate with; each gets its share of the rate.
        max_batch: requests that fit into a batch of the service.
    """

    scenario: Scenario
    smaller: tuple[int, ...]
    max_batch: int

    @property
    def whole(self) -> str:
        """Return the name of the whole fleet's runs."""
        return _name(self.scenario.fleet.replicas)

    def variants(self) -> dict[str, Scenario]:
        """Return the fleets by name, the smaller ones first.

        Raises:
            ScenarioError: the scenario's load is not even, or a fleet is not smaller.
        """
        load, fleet = self.scenario.load, self.scenario.fleet
        even = isinstance(load, ClosedLoad) or (isinstance(load, OpenLoad) and load.shape is None)
        if not even or self.scenario.faults:
            raise ScenarioError(
                "A forecast needs a closed load, or an open one whose rate does not change, and no"
                " faults."
            )
        if fleet.replicas < 2:
            raise ScenarioError("A forecast needs a fleet of two replicas or more to foretell.")
        if not self.smaller or not all(1 <= count < fleet.replicas for count in self.smaller):
            raise ScenarioError(
                f"Calibrate with fleets of 1 to {fleet.replicas - 1} replicas:"
                f" the scenario has {fleet.replicas}."
            )
        found = {}
        for count in sorted(set(self.smaller)):
            share = _share(load, count / fleet.replicas)
            seeded = share.model_copy(update={"seed": load.seed + _SEED * count})
            found[_name(count)] = self.scenario.model_copy(
                update={"load": seeded, "fleet": fleet.model_copy(update={"replicas": count})}
            )
        return {**found, self.whole: self.scenario}


def foretell(question: Question, folder: Path, measure: Measure, command: str) -> Result:
    """Calibrate, foretell, run and compare.

    Every fleet is run `runs.count` times, the smaller ones in turn.

    Args:
        question: what to foretell.
        folder: where `measure` leaves its runs, as NAME/run-NUMBER.
        measure: makes one run.
        command: how it was started, for the report.

    Raises:
        LoadTestError: a run could not be made, or says too little.
    """
    *smaller, (name, whole) = question.variants().items()
    rounds = range(question.scenario.runs.count)
    reports = [
        measure(each, scenario.with_seed_of_run(number), number)
        for number in rounds
        for each, scenario in smaller
    ]
    if _worst(reports) is not Verdict.PASSED:
        return Result(whole, command, _worst(reports))
    calibration = calibrate(
        [read_run(folder / each / f"run-{number}") for each, _ in smaller for number in rounds],
        question.max_batch,
    )
    said = [_forecast(calibration, whole.with_seed_of_run(number)) for number in rounds]
    _write(folder / BEFOREHAND, calibration, said)
    reports = [measure(name, whole.with_seed_of_run(number), number) for number in rounds]
    if _worst(reports) is not Verdict.PASSED:
        return Result(whole, command, _worst(reports), calibration)
    runs = [read_run(folder / name / f"run-{number}") for number in rounds]
    return Result(
        whole,
        command,
        Verdict.PASSED,
        calibration,
        tuple(Held(each, run, compare(each, run)) for each, run in zip(said, runs, strict=True)),
    )


def _share(load: Load, share: float) -> Load:
    if isinstance(load, ClosedLoad):
        connections = max(round(load.connections * share), 1)
        return load.model_copy(update={"connections": connections})
    if isinstance(load, OpenLoad):
        return load.model_copy(update={"rate_per_s": load.rate_per_s * share})
    raise TypeError("only an open or a closed load has a share")


def _name(replicas: int) -> str:
    return f"replicas-{replicas}"


def _worst(reports: Sequence[Report]) -> Verdict:
    """Return whether the runs can be built upon; a broken SLO is a finding, not a fault."""
    verdicts = {report.summary.verdict for report in reports}
    if Verdict.INVALID in verdicts:
        return Verdict.INVALID
    answered = all(report.summary.counts.wrong == 0 for report in reports)
    return Verdict.PASSED if answered else Verdict.FAILED


def _forecast(calibration: Calibration, scenario: Scenario) -> Forecast:
    setting = Setting.model_validate(scenario.model_dump(mode="json"))
    if not isinstance(scenario.load, OpenLoad):
        return foresee_closed(calibration, setting, scenario.load.seed)
    starts_s = np.asarray(schedule(scenario.load))
    return foresee(calibration, setting, starts_s, scenario.load.seed)


def _write(path: Path, calibration: Calibration, said: Sequence[Forecast]) -> None:
    content = {
        "calibrated_on": calibration.runs,
        "said_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "forecasts": [each.figures for each in said],
    }
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
