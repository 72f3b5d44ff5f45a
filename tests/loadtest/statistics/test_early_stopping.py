"""MLPerf's early stopping, against its table and against the binomial law that it stands for."""

import json
import math
from pathlib import Path

import pytest

from loadtest.statistics.early_stopping import passes, requests_needed

TABLE = json.loads((Path(__file__).parents[1] / "oracles.json").read_text())
CELLS = [
    (float(p.split("=")[1]), int(t.split("=")[1]), needed)
    for p, row in TABLE["mlperf_min_queries_total"].items()
    for t, needed in row.items()
]


@pytest.mark.parametrize(("percentile", "over", "needed"), CELLS)
def test_the_requests_needed_are_those_of_the_table(
    percentile: float, over: int, needed: int
) -> None:
    assert requests_needed(over, percentile) == needed
    assert passes(needed, over, percentile)
    assert not passes(needed - 1, over, percentile)


@pytest.mark.parametrize(("percentile", "over"), [(0.9, 0), (0.9, 3), (0.95, 2), (0.99, 1)])
def test_a_service_at_its_bound_passes_no_oftener_than_once_in_a_hundred(
    percentile: float, over: int
) -> None:
    def chance(count: int) -> float:
        slow = 1 - percentile
        return sum(
            math.comb(count, k) * slow**k * percentile ** (count - k) for k in range(over + 1)
        )

    needed = requests_needed(over, percentile)
    assert chance(needed) <= 0.01 < chance(needed - 1)


def test_a_margin_makes_it_easier() -> None:
    assert requests_needed(5, 0.99, margin=0.005) < requests_needed(5, 0.99)


@pytest.mark.parametrize(("over", "percentile"), [(-1, 0.99), (0, 1.0), (0, 0.0)])
def test_nonsense_is_refused(over: int, percentile: float) -> None:
    with pytest.raises(ValueError, match="no such"):
        requests_needed(over, percentile)
