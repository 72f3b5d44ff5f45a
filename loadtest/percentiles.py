"""Exact percentiles of raw samples, and none that the sample cannot support.

The p-quantile of n samples is the order statistic of rank ceil(p * n), counted from 1: the
smallest sample that at least a share p of all samples does not exceed. Nothing is interpolated,
so every printed number was measured.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

P50 = Fraction(1, 2)
P90 = Fraction(9, 10)
P99 = Fraction(99, 100)

_CONFIDENCE = 0.95


def samples_needed(quantile: Fraction) -> int:
    """Return the least n whose maximum is above the quantile with 95 % confidence.

    With fewer samples the quantile has no upper bound at all: 59 for p95, 299 for p99.
    """
    return math.ceil(math.log(1 - _CONFIDENCE) / math.log(quantile))


def percentile(samples: Sequence[float], quantile: Fraction) -> float | None:
    """Return the quantile of the samples, or None if they are too few to support it.

    Args:
        samples: raw values in any order; infinity is taken.
        quantile: between 0 and 1, exact, so that the rank is not a matter of rounding.
    """
    count = len(samples)
    if count < samples_needed(quantile):
        return None
    rank = math.ceil(quantile * count)
    values = np.asarray(samples, dtype=np.float64)
    return float(np.partition(values, rank - 1)[rank - 1])
