"""How many rows are enough: known curves, with and without noise."""

from typing import Any

import numpy as np
import pytest

from models.fit.recommend import Recommendation, doubling, recommend
from models.fit.run import CurvePoint
from models.metrics import METRICS

SIZES = (100, 200, 400, 800, 1600)


def curve(means: list[float], noise: float = 0.0, repeats: int = 5, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    sizes = SIZES[-len(means) :]
    return [
        CurvePoint(rows, tuple(mean + rng.normal(0, noise, repeats)), (1.0,) * repeats)
        for rows, mean in zip(sizes, means, strict=True)
    ]


def accuracy(*means: float, flat: float = 0.002, **options: Any) -> Recommendation:
    return recommend(METRICS["accuracy"], curve(list(means), **options), flat)


def test_the_first_size_after_which_nothing_comes() -> None:
    found = accuracy(0.80, 0.85, 0.899, 0.900, 0.901)
    assert found == Recommendation(
        400, "400 of 1,600 rows are enough: the last doubling brought 0.1 points of accuracy"
    )


def test_a_curve_that_still_rises_needs_all() -> None:
    found = accuracy(0.80, 0.85, 0.88, 0.90, 0.92)
    assert found.rows == 1600
    assert "brought 2.0 points of accuracy, and more rows would probably bring more" in found.words


def test_a_rest_in_between_is_not_the_end() -> None:
    assert accuracy(0.80, 0.85, 0.85, 0.90, 0.9005).rows == 800


def test_flat_from_the_start() -> None:
    found = accuracy(0.9, 0.9, 0.9, 0.9, 0.9)
    assert found.rows == 100
    assert "the smallest number that was tried" in found.words


def test_a_metric_that_is_better_below() -> None:
    mae = recommend(METRICS["mae"], curve([3.0, 2.5, 2.1, 2.0995, 2.0993]), 0.002)
    assert mae.rows == 400
    assert mae.words.endswith("the last doubling brought 0.0002 less mae")


def test_more_rows_that_make_it_worse_are_not_needed() -> None:
    assert accuracy(0.9, 0.92, 0.91).rows == 800


def test_noise_that_may_hide_a_gain_is_not_taken_for_flatness() -> None:
    found = accuracy(0.90, 0.90, 0.90, 0.90, 0.90, noise=0.02)
    assert found.rows == 1600
    assert "more repeats would tell" in found.words


def test_noise_rarely_makes_a_rising_curve_look_flat() -> None:
    rising = (0.80, 0.82, 0.84, 0.86, 0.88)
    found = [accuracy(*rising, flat=0.01, noise=0.01, seed=seed).rows for seed in range(300)]
    # A claim at 95 %: with a doubling that brings twice what counts, it is wrong less often.
    assert sum(rows < 1600 for rows in found) < 300 * 0.05


def test_repeats_are_compared_in_pairs() -> None:
    before = CurvePoint(100, (0.5, 0.9, 0.7), (1.0, 1.0, 1.0))
    after = CurvePoint(200, (0.51, 0.91, 0.71), (1.0, 1.0, 1.0))
    found = doubling(METRICS["accuracy"], before, after)
    assert found.gain == pytest.approx(0.01)
    assert found.most == pytest.approx(0.01, abs=1e-9)


def test_one_repeat_proves_nothing() -> None:
    assert accuracy(0.9, 0.9, repeats=1).rows == 1600
