"""What the benchmark keeps, and what it makes of it."""

from pathlib import Path

import pytest

from docs.benchmark import NOTHING, full_tables, growth_table, short_table
from loadtest.bench.command import troubled
from loadtest.bench.growth.results import Curve, GrowthResults, Point, read_growth, slope
from loadtest.bench.plots import draw_cells
from loadtest.bench.results import (
    CellResult,
    Contender,
    Footprint,
    Promise,
    Results,
    Run,
    read_results,
    write_results,
)
from loadtest.errors import ScenarioError

MACHINE = {"cores": 2, "cpu": "a processor", "system": "Linux 6.1-cloud", "python": "3.11.7"}


def contender(rates_per_s: list[float], form: str = "percore", wrong: int = 0) -> Contender:
    runs = [Run(rate_per_s=each, p50_s=0.001, p99_s=0.004, checked=7) for each in rates_per_s]
    runs[0].wrong = wrong
    return Contender(form=form, verified=100, runs=runs)


def cell(servers: dict[str, Contender], left_out: dict[str, str] | None = None) -> CellResult:
    return CellResult(
        model="forest",
        cell="batch",
        words="1,000 rows as JSON, 4 connections",
        connections=4,
        rows=1000,
        generator="wrk",
        seconds=3,
        date="2026-11-29T00:00:00+00:00",
        command="python -m loadtest bench",
        versions={"percore": "abc"},
        servers=servers,
        left_out=left_out or {},
    )


def test_the_best_peer_is_the_fastest_that_was_right() -> None:
    found = cell(
        {
            "percore": contender([300]),
            "flask": contender([100], "flask"),
            "mosec": contender([900], "mosec", wrong=1),
            "mlserver": contender([200], "mlserver-alone"),
        }
    )
    assert found.best_peer == "mlserver"
    assert cell({"percore": contender([1])}).best_peer is None


def test_a_ratio_is_of_neighbouring_runs() -> None:
    # The machine slows down fourfold meanwhile; medians of all would say another ratio.
    servers = {"percore": contender([400, 200, 100]), "flask": contender([100, 50, 50], "flask")}
    assert cell(servers).ratio("flask") == (4, 2, 4)


def test_a_measured_cell_is_known_and_another_is_not() -> None:
    results = Results(
        cells={"forest/batch": cell({"percore": contender([1, 2])}, {"flask": "does not take"})}
    )
    assert results.has("forest/batch", ["percore", "flask"], 2)
    assert not results.has("forest/batch", ["percore", "flask"], 3)
    assert not results.has("forest/batch", ["percore", "mosec"], 2)
    assert not results.has("forest/c1", ["percore"], 1)


def test_results_are_written_read_and_replaced_cell_by_cell(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "bench.json"
    assert read_results(path) == Results()
    kept = Results(machine=MACHINE, cells={"forest/batch": cell({"percore": contender([1])})})
    write_results(kept, path)
    again = read_results(path)
    assert again == kept
    again.cells["forest/c1"] = cell({"percore": contender([5])})
    write_results(again, path)
    assert list(read_results(path).cells) == ["forest/batch", "forest/c1"]
    assert [each.name for each in path.parent.iterdir()] == ["bench.json"]
    path.write_text('{"cells": 1}', encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"bench.json is no result"):
        read_results(path)
    with pytest.raises(ScenarioError, match=r"bench.json is no result"):
        read_growth(path)


def test_trouble_is_a_wrong_answer_or_a_server_that_is_missing() -> None:
    ours = {"percore": contender([1])}
    taken = Results(cells={"a": cell(ours, {"flask": "does not take v2 as it is set up here"})})
    assert not troubled(taken, "2026-11-29T00:00:00+00:00")
    missing = Results(cells={"a": cell(ours, {"flask": "cannot be installed here"})})
    assert troubled(missing, "2026-11-29T00:00:00+00:00")
    assert not troubled(missing, "2026-11-30T00:00:00+00:00")
    wrong = Results(cells={"a": cell({"percore": contender([1], wrong=1)})})
    assert troubled(wrong, "2026-11-29T00:00:00+00:00")


def test_tables_tell_rows_a_second_the_ratio_and_both_tails(tmp_path: Path) -> None:
    servers = {"percore": contender([4, 6, 5]), "mosec": contender([2, 2, 2], "mosec-alone")}
    results = Results(
        machine=MACHINE,
        cells={"forest/batch": cell(servers, {"ray": "did not start"})},
        footprints={
            "forest/percore": Footprint(
                model="forest",
                form="percore",
                start_s=1.234,
                processes=6,
                start_bytes=200 << 20,
                loaded_bytes=210 << 20,
                date="2026-11-29",
            )
        },
        promises={
            "forest/percore": Promise(
                model="forest",
                server="percore",
                form="percore",
                capacity_per_s=1000,
                connections=64,
                rate_per_s=700,
                warm_up_s=0.25,
                p50_s=0.002,
                p99_s=None,
                bad=1,
                sent=2000,
                lag_p99_s=0.001,
                date="2026-11-29",
            )
        },
    )
    short = short_table(results)
    assert (
        "| forest | 1,000 rows as JSON, 4 connections | 5,000 | mosec-alone 2,000 |"
        " 2.50 (2.00 to 3.00) | 4.0, 4.0 |"
    ) in short
    assert "2 cores (a processor), Linux 6.1, Python 3.11.7, 2026-11-29; wrk" in short
    full = full_tables(results)
    assert "| mosec-alone | 2,000 | 2,000 to 2,000 | 1.00 | 4.00 | 0.00 | 0 | 121 |" in full
    assert "Left out: ray, 1,000 rows as JSON, 4 connections: did not start." in full
    assert "| forest | percore | 1.23 | 6 | 200 | 210 |" in full
    assert "| forest | percore | 1,000 | 700 | 0.25 | 2.00 | none | 1.00 | 1 of 2,000 |" in full
    (drawn,) = draw_cells(results, tmp_path)
    assert drawn.name == "bench-forest.svg"
    assert b"<svg" in drawn.read_bytes()


def test_nothing_measured_is_said() -> None:
    assert short_table(Results()) == full_tables(Results()) == NOTHING
    assert growth_table(GrowthResults()) == NOTHING


def points(*pairs: tuple[int, float]) -> list[Point]:
    return [Point(size=size, value=value, low=value, high=value) for size, value in pairs]


def test_a_slope_is_the_power_that_cost_goes_with() -> None:
    assert slope(points((1, 3.0), (10, 30.0), (1000, 3000.0))) == pytest.approx(1, abs=1e-12)
    assert slope(points((1, 5.0), (10, 5.0))) == pytest.approx(0, abs=1e-12)
    assert slope(points((1, 9.0), (4, 18.0), (16, 36.0))) == pytest.approx(0.5, abs=1e-12)
    flat_first = points((1, 7.0), (10, 7.0), (100, 10.0), (1000, 100.0))
    assert slope(flat_first, 100) == pytest.approx(1, abs=1e-12)
    with pytest.raises(ValueError, match="two points"):
        slope(flat_first, 1000)
    with pytest.raises(ValueError, match="positive"):
        slope(points((1, 0.0), (10, 1.0)))


def test_growth_is_a_row_a_curve() -> None:
    measured = points((1, 0.001), (1000, 0.5))
    curve = Curve(grows="rows", measured="time", unit="s", points=measured, slope=0.9)
    table = growth_table(GrowthResults(curves={"rows-json": curve}))
    assert "| rows | time | 1: 0.001 s | 1,000: 0.5 s | 0.90 | 1 |" in table
