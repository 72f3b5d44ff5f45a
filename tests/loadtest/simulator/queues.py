"""Queues whose answers are known, as fleets: time is in mean service times."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.simulator.laws import Law, draw
from loadtest.simulator.settings import Balancing, Fleet, Model, Service
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals
from loadtest.statistics.batch_means import Mean, of_runs

ORACLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles.json").read_text(encoding="utf-8")
)
ALL = os.environ.get("SIMULATOR_ORACLES") == "all"
"""Every cell of every table, and standard errors of 1 % instead of 3 %."""
POISSON = Traffic()
EXPONENTIAL = Law(kind="exponential")
LOGNORMAL = Law(kind="lognormal", scv=0.25)
BATCHES = 40
"""A run is cut into so many parts; a standard error is that of their means."""
PRECISION = 0.01 if ALL else 0.03
"""A mean is not looked at before its standard error is this share of the exact value."""
MOST_RUNS = 60
Values = NDArray[np.float64]


def fleet(
    replicas: int = 1, workers: int = 1, balancing: Balancing | None = None, **service: Any
) -> Model:
    """Return a fleet of exponential servers of mean 1, unless it is told otherwise."""
    return Model(
        fleet=Fleet(replicas=replicas, workers=workers),
        service=Service(**service),
        balancing=balancing or Balancing(),
    )


@dataclass(frozen=True)
class Observed:
    """A run with its warm-up cut off."""

    outcome: Outcome
    sizes: Values
    skip: int

    @property
    def latency(self) -> Values:
        return self.outcome.latency_s[self.skip :]

    @property
    def ends(self) -> NDArray[np.uint8]:
        return self.outcome.ends[self.skip :]

    @property
    def waits(self) -> Values:
        """Of fleets without batches."""
        return np.maximum(self.latency - self.sizes[self.skip :], 0.0)


Statistic = Callable[[Observed], Values]
"""One value a request; its mean is what theory gives."""


def latency(seen: Observed) -> Values:
    return seen.latency


def waits(seen: Observed) -> Values:
    return seen.waits


def waited(seen: Observed) -> Values:
    return np.greater(seen.waits, 1e-9).astype(float)


def refused(seen: Observed) -> Values:
    return np.equal(seen.ends, 2).astype(float)


@dataclass
class Queue:
    """A fleet under a load, run as often as it takes.

    Args:
        model: the fleet.
        rate: of the arrivals.
        count: of arrivals a run; the first fifth is its warm-up.
        traffic: the law of the gaps.
    """

    model: Model
    rate: float
    count: int = 200_000
    traffic: Traffic = POISSON
    runs: list[Observed] = field(default_factory=list)

    def run(self, number: int) -> Observed:
        """Return run `number`, each of a seed of its own."""
        while len(self.runs) <= number:
            seed = len(self.runs) + 1
            self.runs.append(observe(self.model, self.rate, self.count, seed, self.traffic))
        return self.runs[number]

    def mean(self, of: Statistic, error: float) -> Mean:
        """Return a mean whose standard error is small enough, by batch means over all runs."""
        return self._settled(lambda run: _parts(of(run)).mean(axis=1), error)

    def quantile(self, of: Statistic, share: float, error: float) -> Mean:
        """Return a quantile of all runs together; its error is that of the parts' quantiles."""
        found = self._settled(lambda run: np.quantile(_parts(of(run)), share, axis=1), error)
        runs = self.runs[: found.batches // BATCHES]
        value = float(np.quantile(np.concatenate([of(run) for run in runs]), share))
        return Mean(value, found.standard_error, found.batches, found.lag1)

    def _settled(self, by_part: Callable[[Observed], Values], error: float) -> Mean:
        parts: list[Values] = []
        while True:
            parts.append(np.asarray(by_part(self.run(len(parts)))))
            found = of_runs(np.concatenate(parts))
            if found.standard_error <= error or len(parts) == MOST_RUNS:
                return found


def observe(
    model: Model, rate: float, count: int, seed: int = 1, traffic: Traffic = POISSON
) -> Observed:
    """Simulate about `count` arrivals once and cut off the first fifth."""
    arrivals = draw_arrivals(traffic, rate, count, seed)
    sizes = draw(model.service.law, len(arrivals), np.random.default_rng([seed, 2]))
    return Observed(simulate(model, arrivals, sizes, seed), sizes, len(arrivals) // 5)


def run(model: Model, rate: float, count: int, seed: int = 1) -> Outcome:
    return observe(model, rate, count, seed).outcome


def _parts(values: Values) -> Values:
    size = len(values) // BATCHES
    return values[len(values) - size * BATCHES :].reshape(BATCHES, size)


def agrees(
    queue: Queue, of: Statistic, exact: float, digit: float = 1e-4, least: float = 0.0
) -> None:
    """Assert that a mean is four standard errors from the exact value at most.

    Args:
        queue: is run until the standard error is small enough.
        of: what is averaged.
        exact: the value.
        digit: how far the value itself may be off: half of a table's last digit or less.
        least: what is smaller need only be known as closely as this: what hardly ever happens no
            run sees often enough.
    """
    error = PRECISION * max(exact, least)
    _near(queue.mean(of, error), exact, error, digit)


def agrees_at(queue: Queue, of: Statistic, share: float, exact: float, digit: float = 1e-4) -> None:
    """Assert the same of a quantile; its standard error may be twice as large."""
    error = 2 * PRECISION * exact
    _near(queue.quantile(of, share, error), exact, error, digit)


def agrees_in_the_limit(small: Queue, large: Queue, exact: float, digit: float = 1e-4) -> None:
    """Assert that fleets of N and 2 N come to a mean field as N grows.

    What a finite fleet is above the limit goes as 1/N: twice the larger one's mean minus the
    smaller one's is without it.
    """
    assert large.model.fleet.replicas == 2 * small.model.fleet.replicas
    few, many = (each.mean(latency, PRECISION * exact / 3) for each in (small, large))
    error = math.hypot(2 * many.standard_error, few.standard_error)
    found = Mean(2 * many.value - few.value, error, many.batches, 0.0)
    _near(found, exact, PRECISION * exact, digit)


def _near(mean: Mean, exact: float, most: float, digit: float) -> None:
    assert mean.standard_error <= most, mean
    # Parts that resembled their neighbours would make the standard error too small.
    assert mean.lag1 < 3 / math.sqrt(mean.batches), mean
    assert abs(mean.value - exact) <= 4 * mean.standard_error + digit, (mean, exact)
