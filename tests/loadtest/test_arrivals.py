"""Arrival schedules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.arrivals import poisson_arrivals


def test_gaps_have_the_mean_and_spread_of_an_exponential() -> None:
    gaps = np.diff(poisson_arrivals(100.0, 1000.0, seed=3))
    # 100,000 gaps: both estimates are within four standard errors of 0.01 s.
    assert gaps.mean() == pytest.approx(0.01, rel=0.013)
    assert gaps.std() == pytest.approx(0.01, rel=0.02)
    # P(gap > mean) = 1/e: an evenly spaced schedule has nothing there, a uniform one half.
    assert (gaps > 0.01).mean() == pytest.approx(np.exp(-1), abs=0.007)


def test_the_seed_decides_the_schedule() -> None:
    same = poisson_arrivals(50.0, 10.0, seed=1)
    assert np.array_equal(same, poisson_arrivals(50.0, 10.0, seed=1))
    assert not np.array_equal(same[:10], poisson_arrivals(50.0, 10.0, seed=2)[:10])


@settings(max_examples=50)
@given(rate=st.floats(0.01, 500), duration=st.floats(0.01, 20), seed=st.integers(0, 1000))
def test_arrivals_ascend_inside_the_duration(rate: float, duration: float, seed: int) -> None:
    starts = poisson_arrivals(rate, duration, seed)
    assert np.all(np.diff(starts) >= 0)
    assert np.all((starts >= 0) & (starts < duration))


def test_the_schedule_reaches_to_the_end() -> None:
    # Of many seeds, some first draw of gaps is too short and must be continued.
    for seed in range(300):
        starts = poisson_arrivals(1000.0, 1.0, seed)
        assert starts[-1] > 0.98
        assert 800 < len(starts) < 1200
