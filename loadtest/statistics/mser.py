"""Where the warm-up ends: MSER-5.

Source: K. P. White, M. J. Cobb and S. C. Spratt, "A comparison of five steady-state truncation
heuristics for simulation", WSC 2000. Hoad and Robinson chose it out of 44 methods.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GROUP = 5


def warm_up(samples: Sequence[float] | NDArray[np.float64]) -> int:
    """Return how many samples at the start belong to the warm-up.

    Means of five samples each are looked at; the cut is the one after which the squared standard
    error of their mean is least, and never beyond the half.

    Args:
        samples: latencies in the order of their requests; finite.

    Returns:
        A multiple of 5, at most half of the samples; 0 for fewer than 20.

    Raises:
        ValueError: a sample is infinite or not a number.
    """
    values = np.asarray(samples, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the warm-up can only be found in finite samples")
    groups = len(values) // GROUP
    if groups < 4:
        return 0
    means = values[: groups * GROUP].reshape(groups, GROUP).mean(axis=1)
    # Sums from the end: what is left after the first d groups are cut. Centred, lest small
    # variances drown in the squares of large means.
    centred = means - means.mean()
    left = np.arange(groups, 0, -1, dtype=np.float64)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    errors = np.maximum(squares - sums**2 / left, 0.0) / left**2
    return int(np.argmin(errors[: groups // 2 + 1])) * GROUP
