"""One simulation's figures, with what may be said of them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.percentiles import P50, P99
from loadtest.simulator.laws import draw
from loadtest.simulator.settings import Model
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals
from loadtest.statistics.batch_means import batch_means, quantile_of_batches, student
from loadtest.statistics.mser import warm_up
from loadtest.statistics.quantiles import quantile

_WARM_UP = 0.2
"""At least this share is cut off: a large fleet fills slowly, and no rule sees it in time."""
_RISE = 0.2
"""A mean that rises by this share of itself, and surely so, is a queue that grows."""


@dataclass(frozen=True)
class Load:
    """What comes to a fleet: the same for all that are to be compared."""

    arrivals_s: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rate_per_s: float
    seed: int


@dataclass(frozen=True)
class Point:
    """One fleet under one load. Latencies are in seconds; None where nothing can be said."""

    policy: str
    replicas: int
    rate_per_s: float
    load: float
    """Share of what the fleet could do at most."""
    mean_s: float | None
    p50_s: float | None
    p99_s: float | None
    """Of all requests; those without a right answer count as slower than every one with."""
    p99_error_s: float | None
    """Half of the 95 % interval, from the parts of the run: waiting times depend on each other."""
    right: float
    """Share of the requests."""
    goodput_per_s: float
    calls: float
    """Attempts a request."""
    grows: bool
    """The latency kept rising: the fleet does not keep up, whatever the percentiles say."""


def draw_load(model: Model, traffic: Traffic, rate_per_s: float, count: int, seed: int) -> Load:
    """Draw arrivals and sizes."""
    arrivals_s = draw_arrivals(traffic, rate_per_s, count, seed)
    sizes = draw(model.service.law, len(arrivals_s), np.random.default_rng([seed, 2]))
    return Load(arrivals_s, sizes, rate_per_s, seed)


def capacity_per_s(model: Model) -> float:
    """Return what a fleet could do at most: all workers busy with the batches that pay best."""
    service, fleet = model.service, model.fleet
    each_s = min(time_s / (size + 1) for size, time_s in enumerate(service.batch_s))
    on_machine = math.ceil(fleet.replicas / min(fleet.machines or fleet.replicas, fleet.replicas))
    busy = min(on_machine * fleet.workers, len(service.slowdown))
    return fleet.replicas * fleet.workers / each_s / service.slowdown[busy - 1]


def simulate_point(model: Model, load: Load) -> Point:
    """Simulate a fleet and return its figures after the warm-up."""
    outcome = simulate(model, load.arrivals_s, load.sizes, load.seed)
    begin = _warm_up(outcome)
    latency_s = outcome.latency_s[begin:]
    answered = np.isfinite(latency_s)
    mean = batch_means(latency_s[answered]) if answered.any() else None
    median, tail = quantile(latency_s, P50), quantile(latency_s, P99)
    spread = quantile_of_batches(latency_s, 0.99)
    right = float(answered.mean())
    return Point(
        policy=model.balancing.policy,
        replicas=model.fleet.replicas,
        rate_per_s=load.rate_per_s,
        load=load.rate_per_s / capacity_per_s(model),
        mean_s=None if mean is None else mean.value,
        p50_s=None if median is None else _finite(median.value),
        p99_s=None if tail is None else _finite(tail.value),
        p99_error_s=None if spread is None else student(spread.batches) * spread.standard_error,
        right=right,
        goodput_per_s=right * load.rate_per_s,
        calls=outcome.calls / len(outcome.ends),
        grows=_grows(latency_s[answered]),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _warm_up(outcome: Outcome) -> int:
    latency_s = outcome.latency_s
    finite = latency_s[np.isfinite(latency_s)]
    seen = warm_up(finite) if len(finite) == len(latency_s) else 0
    return max(seen, int(_WARM_UP * len(latency_s)))


def _grows(latency_s: NDArray[np.float64], parts: int = 20) -> bool:
    """Return whether means of equal parts rise: by a fifth, and surely."""
    size = len(latency_s) // parts
    if size == 0:
        return False
    means = latency_s[: size * parts].reshape(parts, size).mean(axis=1)
    time = np.arange(parts) - (parts - 1) / 2
    slope = float((time * means).sum() / (time**2).sum())
    rest = means - means.mean() - slope * time
    error = math.sqrt(float((rest**2).sum()) / (parts - 2) / float((time**2).sum()))
    return slope > 4 * error and slope * parts > _RISE * float(means.mean())
