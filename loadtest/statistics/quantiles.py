"""Percentiles with an interval of ranks: exact for any law, if the samples are independent.

The number of samples below the p-quantile is Binomial(n, p); so two order statistics enclose the
quantile with a confidence that needs no assumption on the law. Source: H. A. David and
H. N. Nagaraja, "Order Statistics", section 7.1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from loadtest.percentiles import samples_needed

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Quantile:
    """A quantile of a sample and the order statistics that enclose the true one."""

    value: float
    low: float | None
    """None: the sample has no order statistic that is surely below."""
    high: float | None
    """None: none that is surely above; more samples are needed."""


def rank_interval(
    count: int, quantile: float | Fraction, confidence: float = CONFIDENCE
) -> tuple[int | None, int | None]:
    """Return the ranks, from 1, of the order statistics that enclose a quantile.

    Args:
        count: samples.
        quantile: between 0 and 1, exclusive.
        confidence: two-sided.

    Returns:
        The lower and the upper rank; None where the sample does not reach.
    """
    share = float(quantile)
    tail = (1 - confidence) / 2
    low = _binomial_quantile(tail, count, share)
    high = _binomial_quantile(1 - tail, count, share) + 1
    return (low if low >= 1 else None), (high if high <= count else None)


def quantile(
    samples: Sequence[float] | NDArray[np.float64], p: Fraction, confidence: float = CONFIDENCE
) -> Quantile | None:
    """Return a quantile with its interval, or None if the samples are too few to support it.

    Args:
        samples: raw values in any order; infinity is taken.
        p: the quantile, exact, so that its rank is not a matter of rounding.
        confidence: of the interval.
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    if len(ordered) < samples_needed(p):
        return None
    value = float(ordered[math.ceil(p * len(ordered)) - 1])
    low, high = rank_interval(len(ordered), p, confidence)
    return Quantile(
        value,
        None if low is None else float(ordered[low - 1]),
        None if high is None else float(ordered[high - 1]),
    )


def _binomial_quantile(probability: float, count: int, share: float) -> int:
    """Return the least k with P(Binomial(count, share) <= k) >= probability."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if bdtr(middle, count, share) >= probability:
            high = middle
        else:
            low = middle + 1
    return low
