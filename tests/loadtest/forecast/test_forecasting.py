"""Forecasts of fleets whose truth is known, and of fleets that are other than they were."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loadtest.arrivals import schedule
from loadtest.errors import ScenarioError
from loadtest.forecast.command import MISSED, exit_code
from loadtest.forecast.forecasting import BEFOREHAND, foretell
from loadtest.forecast.question import Question
from loadtest.forecast.result import JSON, Result
from loadtest.report import Report, rebuild
from loadtest.scenario import (
    ClosedLoad,
    Fleet,
    OpenLoad,
    Payload,
    Ramp,
    Runs,
    Scenario,
    TraceLoad,
)
from loadtest.simulator.laws import Law
from loadtest.simulator.settings import Balancing, Model, Service
from loadtest.simulator.settings import Fleet as Simulated
from loadtest.summary import Verdict
from tests.loadtest.report.evidence import record, report
from tests.loadtest.simulator.pretended import pretend_these

TRUTH = Service(
    batch_s=tuple(0.004 + 0.001 * size for size in range(1, 9)),
    law=Law(kind="lognormal", scv=0.05),
    slowdown=(1.0, 1.1, 1.2, 1.3),
    overhead_s=(0.0008, 0.0010, 0.0012),
)
SCENARIO = Scenario(
    fleet=Fleet(replicas=3, workers=1),
    load=OpenLoad(rate_per_s=400.0, duration_s=20.0, seed=5, timeout_s=10.0),
    payload=Payload(model="m"),
    runs=Runs(count=2),
)
QUESTION = Question(SCENARIO, (1, 2), 8)
ONCE = Question(SCENARIO.model_copy(update={"runs": Runs(count=1)}), (1, 2), 8)


class Bench:
    """Pretends to run fleets; the whole one may be other than those it is foretold from."""

    def __init__(self, folder: Path, whole: Service = TRUTH) -> None:
        self.folder = folder
        self.whole, self.truth = whole, TRUTH
        self.made: list[tuple[str, float, int]] = []
        self.known: list[bool] = []
        self.late: str = ""

    def measure(self, name: str, scenario: Scenario, number: int) -> Report:
        assert isinstance(scenario.load, OpenLoad)
        replicas = scenario.fleet.replicas
        self.made.append((name, scenario.load.rate_per_s, scenario.load.seed))
        self.known.append((self.folder / BEFOREHAND).exists())
        model = Model(
            fleet=Simulated(replicas=replicas),
            service=self.whole if self.whole is not TRUTH and replicas == 3 else self.truth,
            balancing=Balancing(policy="least_outstanding"),
        )
        place = self.folder / name / f"run-{number}"
        starts = np.asarray(schedule(scenario.load))
        pretend_these(place, model, starts, scenario.load.seed, "m")
        return vouched(Verdict.INVALID if name == self.late else Verdict.PASSED)

    def foretold(self, question: Question = QUESTION) -> Result:
        return foretell(question, self.folder, self.measure, "python -m loadtest predict x.toml")


def vouched(verdict: Verdict) -> Report:
    """What a run told of itself; of its figures only the folder is looked at."""
    made = report([record(number / 100) for number in range(1000)])
    return replace(made, summary=replace(made.summary, verdict=verdict))


def test_three_are_foretold_from_one_and_two_before_they_are_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = bench.foretold()
    names = [name for name, _, _ in bench.made]
    # One replica would be too busy with all of the rate; two are not.
    assert names == [
        *["replicas-1", "replicas-2"] * 2,
        *["replicas-2-all"] * 2,
        *["replicas-3"] * 2,
    ]
    # Each smaller fleet has its share of the rate, and nobody the whole fleet's schedule.
    assert [rate for _, rate, _ in bench.made[:2]] == pytest.approx([400 / 3, 800 / 3])
    assert [rate for _, rate, _ in bench.made[4:]] == [400.0] * 4
    seeds = [seed for _, _, seed in bench.made]
    assert seeds[-2:] == [5, 6]
    assert len(set(seeds)) == 8
    assert bench.known == [False] * 6 + [True] * 2
    assert result.accepted, result.sentences
    assert exit_code(result) == 0
    said = json.loads((tmp_path / BEFOREHAND).read_text(encoding="utf-8"))
    checks = result.held[0].validation.checks
    assert said["forecasts"][0] == {check.name: check.predicted for check in checks}
    assert len(said["calibrated_on"]) == 6


def test_a_fleet_that_is_slower_than_its_parts_is_not_foretold(tmp_path: Path) -> None:
    slow = TRUTH.model_copy(update={"batch_s": tuple(1.4 * each for each in TRUTH.batch_s)})
    result = Bench(tmp_path, slow).foretold()
    assert not result.accepted
    assert exit_code(result) == MISSED == 4
    assert result.sentences[0].startswith("Not foretold: held-out run run-0 (emulated, 3 replicas")


def test_what_is_beside_the_workers_is_taken_from_fleets_under_the_whole_load(
    tmp_path: Path,
) -> None:
    """An overhead that grows with the rate, not with the fleet: shares of it say too little."""

    class Busy(Bench):
        def measure(self, name: str, scenario: Scenario, number: int) -> Report:
            assert isinstance(scenario.load, OpenLoad)
            overhead_s = tuple(each * scenario.load.rate_per_s / 200 for each in TRUTH.overhead_s)
            self.truth = TRUTH.model_copy(update={"overhead_s": overhead_s})
            return super().measure(name, scenario, number)

    result = Busy(tmp_path).foretold(ONCE)
    assert result.accepted, result.sentences
    assert result.calibration is not None
    assert np.median(result.calibration.service.overhead_s) == pytest.approx(0.002, rel=0.05)


@pytest.mark.parametrize("pace", [0.0, 0.25])
def test_the_machines_own_change_of_speed_is_said(tmp_path: Path, pace: float) -> None:
    slower = TRUTH.model_copy(update={"batch_s": tuple((1 + pace) * e for e in TRUTH.batch_s)})
    result = Bench(tmp_path, slower).foretold(ONCE)
    assert result.held[0].pace == pytest.approx(pace, abs=0.03)
    assert f"a lone prediction took {abs(result.held[0].pace or 0):.0%}" in result.sentences[0]


@pytest.mark.parametrize("late", ["replicas-2", "replicas-2-all", "replicas-3"])
def test_nothing_is_held_against_a_run_that_is_invalid(tmp_path: Path, late: str) -> None:
    bench = Bench(tmp_path)
    bench.late = late
    result = bench.foretold()
    assert (result.verdict, result.held, exit_code(result)) == (Verdict.INVALID, (), 3)
    assert "INVALID" in result.sentences[0]


def test_the_page_shows_both_and_the_error_of_each(tmp_path: Path) -> None:
    result = Bench(tmp_path).foretold()
    result.write(tmp_path)
    page = rebuild(tmp_path).read_text(encoding="utf-8")
    assert "Foretold: held-out run run-0" in page
    assert "Latency, simulated and measured" in page
    for check in result.held[1].validation.checks:
        assert f"{check.name}, run 1" in page
        assert f"{check.error:+.1%}" in page
    content = json.loads((tmp_path / JSON).read_text(encoding="utf-8"))
    assert content["accepted"] is True
    assert [len(run["checks"]) for run in content["runs"]] == [3, 3]


def test_smaller_fleets_of_a_closed_load_have_their_share_of_the_clients() -> None:
    load = ClosedLoad(connections=30, duration_s=5, seed=2, think_s=0.1)
    variants = Question(SCENARIO.model_copy(update={"load": load}), (1, 2), 8).variants()
    loads = [each.load for each in variants.values()]
    assert [each.connections for each in loads if isinstance(each, ClosedLoad)] == [10, 20, 30]
    assert len({each.seed for each in loads}) == 3


@pytest.mark.parametrize(
    ("change", "smaller", "words"),
    [
        ({"load": TraceLoad(kind="trace", file="a", duration_s=1)}, (1,), "needs a closed load"),
        (
            {
                "load": OpenLoad(
                    rate_per_s=9, duration_s=9, shape=Ramp(kind="ramp", to_rate_per_s=20)
                )
            },
            (1,),
            "does not change",
        ),
        ({}, (3,), "fleets of 1 to 2 replicas"),
        ({}, (), "fleets of 1 to 2 replicas"),
    ],
)
def test_what_cannot_be_foretold_is_a_sentence(
    change: dict[str, object], smaller: tuple[int, ...], words: str
) -> None:
    question = Question(SCENARIO.model_copy(update=change), smaller, 8)
    with pytest.raises(ScenarioError, match=words):
        question.variants()
