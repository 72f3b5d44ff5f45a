"""Batch means, on processes whose true standard error is known."""

import math

import numpy as np
import pytest

from loadtest.statistics.batch_means import batch_means, of_runs, quantile_of_batches, student


def test_independent_samples_have_the_textbook_error() -> None:
    samples = np.random.default_rng(1).normal(3.0, 2.0, 200_000)
    mean = batch_means(samples, 200)
    assert mean is not None
    assert mean.value == pytest.approx(samples.mean(), rel=1e-12)
    assert mean.standard_error == pytest.approx(2 / math.sqrt(200_000), rel=0.2)
    assert mean.independent


def test_dependent_samples_have_the_error_of_their_process() -> None:
    # AR(1) with coefficient .9: the error of the mean is (1 + .9) / (1 - .9) = 19 times the
    # variance over n; who takes the samples for independent is off by a factor of 4.4.
    rng, phi, count = np.random.default_rng(2), 0.9, 400_000
    noise = rng.normal(0.0, 1.0, count)
    values = [0.0]
    for each in noise[1:].tolist():
        values.append(phi * values[-1] + each)
    mean = batch_means(values, 200)
    assert mean is not None
    assert mean.standard_error == pytest.approx(10 / math.sqrt(count), rel=0.2)
    assert abs(mean.value) < 4 * mean.standard_error


def test_batches_too_short_for_their_process_are_told() -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(size=2000))
    mean = batch_means(walk)
    assert mean is not None
    assert not mean.independent


def test_the_remainder_is_left_out_at_the_start() -> None:
    mean = batch_means([1000.0] + [1.0] * 40)
    assert mean is not None
    assert (mean.value, mean.standard_error, mean.lag1) == (1.0, 0.0, 0.0)


def test_too_little_is_refused() -> None:
    assert batch_means([1.0] * 39) is None
    with pytest.raises(ValueError, match="20"):
        batch_means([1.0] * 100, 19)
    with pytest.raises(ValueError, match="no standard error"):
        of_runs([1.0])


def test_five_runs_take_students_factor() -> None:
    assert student(5) == pytest.approx(2.776, abs=5e-4)
    runs = of_runs([1.0, 2.0, 3.0, 4.0, 5.0])
    assert runs.standard_error == pytest.approx(math.sqrt(2.5 / 5), rel=1e-12)
    assert runs.interval() == pytest.approx((3 - 1.9632, 3 + 1.9632), abs=1e-3)


def test_a_quantile_of_dependent_samples_is_as_uncertain_as_it_is_from_run_to_run() -> None:
    def samples(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        # Blocks of a hundred equal values: so many samples say no more than a hundredth of them.
        return np.repeat(np.random.default_rng(seed).exponential(1.0, 2000), 100)

    found = [quantile_of_batches(samples(seed), 0.9) for seed in range(40)]
    values = [each.value for each in found if each is not None]
    errors = [each.standard_error for each in found if each is not None]
    assert len(values) == 40
    assert np.mean(values) == pytest.approx(math.log(10), rel=0.03)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.35)


def test_a_quantile_needs_batches_that_support_it() -> None:
    assert quantile_of_batches(np.ones(20 * 298), 0.99) is None
    assert quantile_of_batches(np.ones(20 * 299), 0.99) is not None
    assert quantile_of_batches([math.inf] * 20 * 299, 0.99) is None
    with pytest.raises(ValueError, match="20"):
        quantile_of_batches(np.ones(10_000), 0.5, batches=19)
