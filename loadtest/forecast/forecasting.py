"""Measures small fleets, says what a larger one will do, and only then runs the larger one.

    runs of 1, 2 … replicas ─▶ calibration ─▶ forecast.json ─▶ runs of the whole fleet ─▶ errors

Each smaller fleet is run under its share of the load, which says what its workers do; and, where it
bears that, under all of it, which says what generator, balancer and the replicas' own processes
take: they have the same to do then as they will have with the whole fleet.

The forecast is made from the schedule that the whole fleet will be given, and is on the disk before
its first replica is started.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from loadtest.arrivals import schedule
from loadtest.forecast.question import Question
from loadtest.forecast.result import Held, Result
from loadtest.report import Report
from loadtest.scenario import OpenLoad, Scenario
from loadtest.series.series import Measure
from loadtest.simulator.calibration import Calibration, calibrate, pace
from loadtest.simulator.forecast import Forecast, foresee, foresee_closed
from loadtest.simulator.measured import MeasuredRun, Setting, read_run
from loadtest.simulator.point import capacity_per_s
from loadtest.simulator.settings import Fleet, Model
from loadtest.simulator.traffic import mean_rows
from loadtest.simulator.validation import compare
from loadtest.summary import Verdict

BEFOREHAND = "forecast.json"
"""What was said before the whole fleet was started."""
_BEARS = 0.5
"""Of what a smaller fleet could do at most; with more it would queue as the whole one does not."""


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
    bench = _Bench(folder, measure, question.scenario.runs.count)
    whole = question.scenario
    runs = bench.run(question.smaller_fleets())
    if isinstance(runs, Verdict):
        return Result(whole, command, runs)
    calibration = calibrate(runs, question.max_batch)
    borne = {name: each for name, each in question.under_all().items() if _bears(calibration, each)}
    under_all = bench.run(borne)
    if isinstance(under_all, Verdict):
        return Result(whole, command, under_all, calibration)
    calibration = calibrate([*runs, *under_all], question.max_batch, under_all)
    seeded = [whole.with_seed_of_run(number) for number in range(bench.rounds)]
    said = [_forecast(calibration, each) for each in seeded]
    _write(folder / BEFOREHAND, calibration, said)
    held = bench.run({question.whole: whole})
    if isinstance(held, Verdict):
        return Result(whole, command, held, calibration)
    return Result(
        whole,
        command,
        Verdict.PASSED,
        calibration,
        tuple(
            Held(each, run, compare(each, run), pace([*runs, *under_all], [run]))
            for each, run in zip(said, held, strict=True)
        ),
    )


class _Bench:
    """Runs fleets.

    Args:
        folder: where `measure` leaves its runs.
        measure: makes one run.
        rounds: runs of each fleet.
    """

    def __init__(self, folder: Path, measure: Measure, rounds: int) -> None:
        self._folder, self._measure, self.rounds = folder, measure, rounds

    def run(self, fleets: Mapping[str, Scenario]) -> list[MeasuredRun] | Verdict:
        """Run fleets in turn, round after round.

        Returns:
            The runs, fleet by fleet; the worst verdict if they cannot be built upon.
        """
        reports = [
            self._measure(name, scenario.with_seed_of_run(number), number)
            for number in range(self.rounds)
            for name, scenario in fleets.items()
        ]
        worst = _worst(reports)
        if worst is not Verdict.PASSED:
            return worst
        places = [self._folder / name for name in fleets]
        return [read_run(place / f"run-{n}") for place in places for n in range(self.rounds)]


def _bears(calibration: Calibration, scenario: Scenario) -> bool:
    """Return whether a fleet has room for its open load."""
    fleet, load = scenario.fleet, scenario.load
    if not isinstance(load, OpenLoad):
        return False
    model = Model(
        fleet=Fleet(replicas=fleet.replicas, workers=fleet.workers, machines=1),
        service=calibration.service,
    )
    rows = 1.0 if calibration.rows else mean_rows(scenario.payload.sizes)
    return load.rate_per_s * rows <= _BEARS * capacity_per_s(model)


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
