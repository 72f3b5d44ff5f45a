"""Service times of emulated replicas."""

from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean, pstdev
from typing import Any

import pytest

from loadtest.emulated.config import ServiceLaw
from loadtest.emulated.service_time import ServiceTimes, read_table
from loadtest.errors import ScenarioError
from loadtest.record import Outcome, Record, write_records


def times(**more: Any) -> ServiceTimes:
    settings: dict[str, Any] = {
        "base_s": 0.01,
        "row_s": 0.002,
        "law": "constant",
        "cv": 0.5,
        "measured": {},
    } | more
    return ServiceTimes(ServiceLaw(**settings), Random(1))


def test_a_constant_law_is_a_base_and_a_price_a_row() -> None:
    assert [times().draw_s(rows) for rows in (1, 5)] == pytest.approx([0.012, 0.02])


@pytest.mark.parametrize(("law", "cv"), [("exponential", 1.0), ("lognormal", 0.5)])
def test_a_random_factor_has_mean_1_and_its_spread(law: str, cv: float) -> None:
    law_times = times(law=law, cv=cv)
    drawn = [law_times.draw_s(5) for _ in range(40_000)]
    assert fmean(drawn) == pytest.approx(0.02, rel=0.02)
    assert pstdev(drawn) / fmean(drawn) == pytest.approx(cv, rel=0.04)


def test_measured_times_come_back_and_are_interpolated_between_sizes() -> None:
    table = times(measured={2: [0.1, 0.3], 4: [0.5, 0.9], 8: [1.0, 1.0]})
    assert {table.draw_s(2) for _ in range(50)} == {0.1, 0.3}
    assert {round(table.draw_s(3), 12) for _ in range(50)} == {0.3, 0.6}
    assert {table.draw_s(1) for _ in range(50)} == {0.1, 0.3}
    assert {table.draw_s(16) for _ in range(9)} == {2.0}


def test_a_table_is_read_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("rows,seconds\n2,0.3\n1,0.2\n2,0.1\n", encoding="utf-8")
    assert read_table(path) == {2: [0.1, 0.3], 1: [0.2]}


def test_a_runs_records_are_a_table(tmp_path: Path) -> None:
    right = Record(0, 0, 0, 0, 1, Outcome.RIGHT, 200, "", "a", rows=4, predict_s=0.25)
    lost = replace(right, outcome=Outcome.LOST, predict_s=None)
    write_records(tmp_path / "requests.csv", [right, lost, replace(right, predict_s=0.125)])
    assert read_table(tmp_path / "requests.csv") == {4: [0.125, 0.25]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows,time\n1,2\n", "columns rows and seconds"),
        ("rows,seconds\n1,soon\n", "columns rows and seconds"),
        ("rows,seconds\n0,1\n", "0 rows in"),
        ("rows,seconds\n1,-1\n", "1 rows in"),
        ("rows,seconds\n", "has no measured batch"),
    ],
)
def test_a_table_that_is_none_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=words):
        read_table(path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
