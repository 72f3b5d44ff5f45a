"""One simulation's figures, with what may be said of them."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtest.percentiles import P50, P99
from loadtest.scenario import Size
from loadtest.simulator.closed import Loop, draw_thinks_s, simulate_closed
from loadtest.simulator.laws import draw
from loadtest.simulator.settings import Model
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.study import Closed, Study
from loadtest.simulator.traffic import Traffic, draw_arrivals, draw_rows
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
    rows: NDArray[np.int64] | None = None
    """Of each; None: all are alike."""


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
    clients: int | None = None
    """Of a closed load, whose rate is what came of it."""


def draw_load(
    model: Model,
    traffic: Traffic,
    rate_per_s: float,
    count: int,
    seed: int,
    mix: Sequence[Size] = (),
) -> Load:
    """Draw arrivals, sizes and, of a mix, rows."""
    arrivals_s = draw_arrivals(traffic, rate_per_s, count, seed)
    sizes = draw(model.service.law, len(arrivals_s), np.random.default_rng([seed, 2]))
    return Load(arrivals_s, sizes, rate_per_s, seed, _rows(mix, len(arrivals_s), seed))


def capacity_per_s(model: Model, mean_rows: float = 1.0) -> float:
    """Return what a fleet could do at most: all workers busy with the batches that pay best.

    Args:
        model: the fleet.
        mean_rows: of a request, where the service's times go by rows.
    """
    service, fleet = model.service, model.fleet
    times_s = service.times_s(service.most)[: service.most]
    each_s = min(time_s / (size + 1) for size, time_s in enumerate(times_s))
    on_machine = math.ceil(fleet.replicas / min(fleet.machines or fleet.replicas, fleet.replicas))
    busy = min(on_machine * fleet.workers, len(service.slowdown))
    return fleet.replicas * fleet.workers / mean_rows / each_s / service.slowdown[busy - 1]


def simulate_point(model: Model, load: Load) -> Point:
    """Simulate a fleet and return its figures after the warm-up."""
    outcome = simulate(model, load.arrivals_s, load.sizes, load.seed, load.rows)
    mean_rows = 1.0 if load.rows is None else float(load.rows.mean())
    return _point(model, outcome, load.rate_per_s, mean_rows)


def simulate_clients(study: Study, closed: Closed, model: Model, clients: int) -> Point:
    """Simulate a fleet under a closed load and return its figures after the warm-up."""
    count, seed = study.requests, study.seed
    loop = Loop(clients, draw_thinks_s(closed.think_s, closed.think, count, seed))
    sizes = draw(model.service.law, count, np.random.default_rng([seed, 2]))
    outcome = simulate_closed(model, loop, sizes, seed, _rows(study.mix, count, seed))
    begin_s = float(outcome.arrivals_s[_warm_up(outcome)])
    asked = outcome.arrivals_s >= begin_s
    rate_per_s = float(asked.sum()) / (outcome.last_s - begin_s)
    point = _point(model, outcome, rate_per_s, study.mean_rows)
    return dataclasses.replace(point, clients=clients)


def _rows(mix: Sequence[Size], count: int, seed: int) -> NDArray[np.int64] | None:
    return draw_rows(mix, count, np.random.default_rng([seed, 5])) if mix else None


def _point(model: Model, outcome: Outcome, rate_per_s: float, mean_rows: float) -> Point:
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
        rate_per_s=rate_per_s,
        load=rate_per_s / capacity_per_s(model, mean_rows),
        mean_s=None if mean is None else mean.value,
        p50_s=None if median is None else _finite(median.value),
        p99_s=None if tail is None else _finite(tail.value),
        p99_error_s=None if spread is None else student(spread.batches) * spread.standard_error,
        right=right,
        goodput_per_s=right * rate_per_s,
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
