"""Figures over runs, and runs in turn."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtest.latency import Latency
from loadtest.machine import this_machine
from loadtest.report import Report
from loadtest.report.figures import read_figures
from loadtest.scenario import ClosedLoad, Payload, Scenario
from loadtest.series.series import Series, run_series, write_series
from loadtest.series.spread import differences, spread, spreads
from loadtest.summary import Summary, Verdict, summarise
from tests.loadtest.test_summary import CLOSED, every_10_ms, result

BASE = summarise(result(every_10_ms()), CLOSED)


def with_p50(value_s: float, at_least: bool = False) -> Summary:
    return replace(BASE, latency=BASE.latency | {"p50": Latency(value_s, at_least)})


def test_five_runs_have_students_interval() -> None:
    """Mean 3, standard error sqrt(2.5 / 5), t 2.776 for five."""
    found = spread([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.median == 3.0
    assert found.high == pytest.approx(3 + 2.776445 * 0.5**0.5, abs=1e-5)
    assert found.low == pytest.approx(3 - 2.776445 * 0.5**0.5, abs=1e-5)
    assert found.cv == pytest.approx(2.5**0.5 / 3)
    assert not found.enough  # it varies by half


def test_few_runs_have_no_interval_and_steady_ones_are_enough() -> None:
    assert spread([1.0, 1.0]).low is None
    assert not spread([1.0, 1.0, 1.0, 1.0]).enough
    assert spread([1.0, 1.01, 0.99, 1.0, 1.02]).enough


def test_a_figure_that_a_run_cannot_support_has_no_spread() -> None:
    assert "goodput_per_s" not in spreads([BASE, BASE])
    assert "p999_s" not in spreads([BASE])
    assert "p50_s" not in spreads([with_p50(0.1), with_p50(8.0, at_least=True)])
    assert spreads([with_p50(0.1), with_p50(0.3)])["p50_s"].median == pytest.approx(0.2)


def test_differences_are_taken_pair_by_pair() -> None:
    """Every run of ours is 1 ms slower, while runs vary by seconds: only pairs show it."""
    base = [with_p50(float(n)) for n in range(1, 6)]
    ours = [with_p50(n + 0.001) for n in range(1, 6)]
    found = differences(ours, base)["p50_s"]
    assert found.low == pytest.approx(0.001)
    assert found.high == pytest.approx(0.001)


SCENARIO = Scenario(
    load=ClosedLoad(connections=1, duration_s=1, seed=7), payload=Payload(model="m")
)


def measured(values_s: list[float]) -> tuple[Series, list[tuple[str, int, int]]]:
    calls: list[tuple[str, int, int]] = []

    def measure(name: str, scenario: Scenario, number: int) -> Report:
        calls.append((name, number, scenario.load.seed))
        return Report(
            scenario=scenario,
            summary=with_p50(values_s[number]),
            model_version=1,
            machine=this_machine(),
            command="test",
            date=datetime(2026, 1, 2, tzinfo=UTC),
        )

    variants = {"a": SCENARIO, "b": SCENARIO, "c": SCENARIO}
    return run_series(variants, 5, 8, measure, "test"), calls


def test_variants_take_turns_and_a_round_has_one_seed() -> None:
    _, calls = measured([1.0] * 8)
    assert calls == [(name, number, 7 + number) for number in range(5) for name in "abc"]


def test_noise_asks_for_more_rounds_and_is_told_of_if_they_do_not_help() -> None:
    series, calls = measured([1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    assert len(calls) == 3 * 8
    assert "a: p50_s varies by" in series.noisy[0]
    calm, calls = measured([1.0, 1.0, 1.0, 1.0, 1.01, 9.0, 9.0, 9.0])
    assert (len(calls), calm.noisy) == (15, [])


def test_few_runs_are_told_of_once() -> None:
    series, _ = measured([1.0] * 8)
    few = Series({name: reports[:2] for name, reports in series.reports.items()}, "test")
    assert few.noisy[0] == "a: 2 runs give no interval; 5 do."
    assert len(few.noisy) == 3


def test_the_worst_run_is_the_verdict_of_all(tmp_path: Path) -> None:
    series, _ = measured([1.0] * 8)
    assert series.verdict is Verdict.PASSED
    for verdict in (Verdict.INVALID, Verdict.FAILED):
        broken = replace(BASE, verdict=verdict)
        series.reports["b"][2] = replace(series.reports["b"][2], summary=broken)
        assert series.verdict is verdict
    write_series(series, tmp_path)
    assert [each.name for each in read_figures(tmp_path).variants] == ["a", "b", "c"]
