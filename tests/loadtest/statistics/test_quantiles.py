"""Intervals of ranks, against the table of the reference and against their promise."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from loadtest.percentiles import P50, P99
from loadtest.statistics.quantiles import quantile, rank_interval

RANKS = json.loads((Path(__file__).parents[1] / "oracles.json").read_text())["quantile_CI_ranks"]


@pytest.mark.parametrize("name", RANKS)
def test_the_ranks_are_those_of_the_table(name: str) -> None:
    count, p = (part.split("=")[1] for part in name.split())
    assert list(rank_interval(int(count), float(p))) == RANKS[name]


def test_a_sample_too_small_has_no_bound() -> None:
    assert rank_interval(100, 0.99) == (97, None)
    assert rank_interval(100, 0.01) == (None, 4)
    assert quantile([1.0] * 298, P99) is None
    few = quantile(np.arange(1.0, 301.0), P99)
    assert few is not None
    assert (few.value, few.high) == (297.0, None)


def test_a_quantile_stands_between_its_order_statistics() -> None:
    found = quantile(np.arange(1000.0, 0.0, -1.0), P99)
    assert found is not None
    assert (found.low, found.value, found.high) == (983.0, 990.0, 997.0)


def test_infinity_counts_as_slower_than_all() -> None:
    found = quantile([1.0] * 700 + [math.inf] * 300, P99)
    assert found is not None
    assert math.isinf(found.value)


def test_the_interval_holds_the_true_quantile_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        found = quantile(rng.exponential(1.0, 400), P50)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= math.log(2) <= found.high
    assert hits >= 930  # at 95 % exactly, fewer than 930 come up once in 300 seeds


def test_more_confidence_is_wider() -> None:
    low, high = rank_interval(1000, Fraction(1, 2), 0.99)
    assert low is not None
    assert high is not None
    assert low < 469
    assert high > 532
