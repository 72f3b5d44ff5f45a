"""Percentiles against numbers made by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.percentiles import P50, P90, P99, percentile, samples_needed


@pytest.mark.parametrize(
    ("quantile", "count"),
    [(P50, 5), (P90, 29), (Fraction(95, 100), 59), (P99, 299), (Fraction(999, 1000), 2995)],
)
def test_a_percentile_needs_as_many_samples_as_bound_it_from_above(
    quantile: Fraction, count: int
) -> None:
    assert samples_needed(quantile) == count
    assert percentile([1.0] * count, quantile) == 1.0
    assert percentile([1.0] * (count - 1), quantile) is None


@pytest.mark.parametrize(
    ("count", "quantile", "value"),
    [
        (300, P99, 297),  # 0.99 * 300 = 297 exactly
        (301, P99, 298),  # 297.99
        (1000, P99, 990),  # a float 0.99 * 1000 would do as well …
        (29, P90, 27),  # 26.1
        (30, P90, 27),
        (5, P50, 3),
        (6, P50, 3),
        (700, Fraction(7, 100), 49),  # … but 0.07 * 700 is 49.00000000000001 in floats
    ],
)
def test_the_order_statistic_of_the_numbers_from_one(
    count: int, quantile: Fraction, value: int
) -> None:
    backwards = [float(number) for number in range(count, 0, -1)]
    assert percentile(backwards, quantile) == value


@given(
    st.lists(st.floats(0, 1e6), min_size=29, max_size=200),
    st.sampled_from([P50, Fraction(3, 4), P90]),
)
def test_it_is_a_sample_and_the_least_that_enough_others_do_not_exceed(
    samples: list[float], quantile: Fraction
) -> None:
    value = percentile(samples, quantile)
    assert value in samples
    assert sum(each <= value for each in samples) >= quantile * len(samples)
    assert sum(each < value for each in samples) < quantile * len(samples)
