"""MSER-5: against the definition, and against runs whose warm-up is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.statistics.mser import warm_up


def by_definition(samples: list[float]) -> int:
    """Minimise sum((x - mean)^2) / (n - d)^2 over the means of five, d up to the half."""
    groups = len(samples) // 5
    means = [sum(samples[5 * i : 5 * i + 5]) / 5 for i in range(groups)]
    best, best_d = math.inf, 0
    for d in range(groups // 2 + 1):
        rest = means[d:]
        mean = sum(rest) / len(rest)
        error = sum((each - mean) ** 2 for each in rest) / len(rest) ** 2
        if error < best:
            best, best_d = error, d
    return best_d * 5


@given(st.lists(st.integers(0, 50), min_size=20, max_size=120), st.integers(1, 12))
def test_the_cut_is_the_one_of_the_definition(values: list[int], slow: int) -> None:
    samples = [value + (200.0 if place < slow else 0.0) for place, value in enumerate(values)]
    mine, other = warm_up(samples), by_definition(samples)
    if mine != other:  # two cuts may be equally good but for the last bits
        assert cost(samples, mine) == pytest.approx(cost(samples, other), rel=1e-9, abs=1e-9)


def cost(samples: list[float], cut: int) -> float:
    groups = len(samples) // 5
    means = np.array(samples[: groups * 5]).reshape(groups, 5).mean(axis=1)[cut // 5 :]
    return float(((means - means.mean()) ** 2).sum() / len(means) ** 2)


@pytest.mark.parametrize("slow", [50, 100, 400])
def test_a_slow_start_is_cut_off_and_little_more(slow: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(1.0, 0.1, 5000)
    samples[:slow] += np.linspace(5.0, 0.5, slow)
    assert slow <= warm_up(samples) <= slow + 100


def test_a_large_mean_does_not_drown_the_differences() -> None:
    samples = np.random.default_rng(2).normal(0.0, 1e-3, 2000)
    samples[:200] += 0.1
    assert warm_up(samples + 1e6) == warm_up(samples) == 200


def test_a_run_without_warm_up_keeps_nearly_all_and_a_short_one_all() -> None:
    steady = np.random.default_rng(3).normal(1.0, 0.1, 5000)
    assert warm_up(steady) <= 2500
    assert warm_up([1.0] * 5000) == 0
    assert warm_up([9.0, 1.0, 1.0, 1.0] * 4) == 0


def test_infinite_latencies_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        warm_up([1.0] * 50 + [math.inf])
