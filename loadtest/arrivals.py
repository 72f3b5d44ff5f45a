"""When requests are due: arrival schedules, computed whole before the first is sent."""

import numpy as np
from numpy.typing import NDArray


def poisson_arrivals(rate_per_s: float, duration_s: float, seed: int) -> NDArray[np.float64]:
    """Return the intended starts of a Poisson process, in seconds from the start, ascending.

    The same arguments give the same schedule, so that two fleets can be given the same load.

    Args:
        rate_per_s: arrivals a second, on average.
        duration_s: every arrival lies before it.
        seed: of the exponential gaps.
    """
    rng = np.random.default_rng(seed)
    # Five standard deviations more than the mean: one draw is nearly always enough.
    mean = rate_per_s * duration_s
    chunk = int(mean + 5 * mean**0.5) + 10
    gaps_s = rng.exponential(1 / rate_per_s, chunk)
    while gaps_s.sum() < duration_s:
        gaps_s = np.concatenate([gaps_s, rng.exponential(1 / rate_per_s, chunk)])
    starts_s = np.cumsum(gaps_s)
    return starts_s[starts_s < duration_s]
