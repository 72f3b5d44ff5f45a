"""When requests are due: arrival schedules, computed whole before the first is sent.

Each is a pure function: the same arguments give the same schedule, so that two fleets can be given
the same load, and so that several generators can each compute it whole and take their share.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtest.errors import ScenarioError
from loadtest.scenario import MAX_REQUESTS, Load, MlperfLoad, OpenLoad, TraceLoad

Starts = NDArray[np.float64]
"""Intended starts in seconds from the start of the load, ascending."""


def schedule(load: Load) -> Starts:
    """Return when the requests of an open load are due.

    Raises:
        ScenarioError: a trace cannot be read.
        ValueError: the load is closed, so that nobody can know.
    """
    match load:
        case OpenLoad():
            return _open(load)
        case TraceLoad():
            return read_trace(load.file, load.speed, load.duration_s)
        case MlperfLoad(scenario="Server", rate_per_s=float(rate_per_s)):
            return poisson_arrivals(rate_per_s, load.duration_s, load.seed)
        case _:
            raise ValueError("a closed load has no schedule")


def poisson_arrivals(rate_per_s: float, duration_s: float, seed: int) -> Starts:
    """Return the intended starts of a Poisson process.

    Args:
        rate_per_s: arrivals a second, on average.
        duration_s: every arrival lies before it.
        seed: of the exponential gaps.
    """
    return _renewal(1.0, rate_per_s, duration_s, seed)


def gamma_arrivals(rate_per_s: float, cv: float, duration_s: float, seed: int) -> Starts:
    """Return arrivals with independent gamma gaps: bursts if `cv` is above 1.

    Args:
        rate_per_s: arrivals a second, on average.
        cv: standard deviation of the gaps over their mean; 1 is Poisson.
        duration_s: every arrival lies before it.
        seed: of the gaps.
    """
    return _renewal(cv, rate_per_s, duration_s, seed)


def constant_arrivals(rate_per_s: float, duration_s: float) -> Starts:
    """Return evenly spaced arrivals, the first at 0."""
    count = int(np.ceil(rate_per_s * duration_s))
    starts_s = np.arange(count, dtype=np.float64) / rate_per_s
    return starts_s[starts_s < duration_s]


def bend(starts: Starts, knots: Sequence[tuple[float, float]]) -> Starts:
    """Move arrivals of rate 1 so that their rate over time is what the knots say.

    The time change by the inverse of the cumulated rate: it turns a Poisson process into the one
    with that rate (the method of inversion), and even gaps into gaps that are even under it.

    Args:
        starts: arrivals of rate 1, from 0 to the area under the knots.
        knots: times in seconds and rates a second, linear between; two at one time are a step.
    """
    pieces = [(*a, *b) for a, b in pairwise(knots) if b[0] > a[0]]  # without the steps
    from_s, low, to_s, high = np.asarray(pieces, dtype=np.float64).T
    slope = (high - low) / (to_s - from_s)
    ends = np.cumsum((to_s - from_s) * (low + high) / 2)
    piece = np.clip(np.searchsorted(ends, starts, side="right"), 0, len(pieces) - 1)
    area = starts - np.concatenate([[0.0], ends])[piece]
    low, slope = low[piece], slope[piece]
    # The positive root of slope / 2 * t^2 + low * t = area, in the form that a slope of 0 takes.
    return np.asarray(from_s[piece] + 2 * area / (low + np.sqrt(low**2 + 2 * slope * area)))


def read_trace(path: Path, speed: float, duration_s: float) -> Starts:
    """Read arrivals from a file, one number of seconds a line.

    Args:
        path: of the file; empty lines and those that begin with # are skipped.
        speed: times are divided by it.
        duration_s: arrivals at or after it, counted after the division, are left out.

    Raises:
        ScenarioError: it cannot be read, is not ascending, or nothing is left.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ScenarioError(f"The trace {path} cannot be read: {error.strerror}.") from error
    starts_s = np.empty(len(lines))
    count = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            starts_s[count] = float(line)
        except ValueError as error:
            raise ScenarioError(f"{path}, line {number}: not a number of seconds.") from error
        if not starts_s[count] >= (starts_s[count - 1] if count else 0.0):
            raise ScenarioError(f"{path}, line {number}: before the line above it.")
        count += 1
    starts_s = starts_s[:count] / speed
    kept = starts_s[starts_s < duration_s]
    if not 0 < len(kept) <= MAX_REQUESTS:
        raise ScenarioError(
            f"{path} has {len(kept)} arrivals before {duration_s:g} s;"
            f" at least 1 and at most {MAX_REQUESTS} are needed."
        )
    return kept


def _open(load: OpenLoad) -> Starts:
    knots = None
    rate_per_s, duration_s = load.rate_per_s, load.duration_s
    if load.shape is not None:
        knots = load.shape.knots(rate_per_s, duration_s)
        # In the time in which the rate is 1, the load lasts as long as it has arrivals.
        duration_s = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(knots))
        rate_per_s = 1.0
    match load.arrivals:
        case "poisson":
            starts = poisson_arrivals(rate_per_s, duration_s, load.seed)
        case "constant":
            starts = constant_arrivals(rate_per_s, duration_s)
        case "gamma":
            starts = gamma_arrivals(rate_per_s, load.cv, duration_s, load.seed)
    return starts if knots is None else bend(starts, knots)


def _renewal(cv: float, rate_per_s: float, duration_s: float, seed: int) -> Starts:
    rng = np.random.default_rng(seed)
    # Five standard deviations more than the mean: one draw is nearly always enough.
    mean = rate_per_s * duration_s
    chunk = int(mean + 5 * cv * mean**0.5) + 10
    shape = cv**-2

    def gaps_s() -> Starts:
        if cv == 1.0:
            return rng.exponential(1 / rate_per_s, chunk)
        return rng.gamma(shape, 1 / (shape * rate_per_s), chunk)

    drawn_s = gaps_s()
    while drawn_s.sum() < duration_s:
        drawn_s = np.concatenate([drawn_s, gaps_s()])
    starts_s = np.cumsum(drawn_s)
    return starts_s[starts_s < duration_s]
