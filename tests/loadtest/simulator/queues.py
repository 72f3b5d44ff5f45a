"""Queues whose answers are known, as fleets: time is in mean service times."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.simulator.laws import Law, draw
from loadtest.simulator.settings import Balancing, Fleet, Model, Service
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import Traffic, draw_arrivals
from loadtest.statistics.batch_means import Mean, batch_means

ORACLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles.json").read_text(encoding="utf-8")
)
POISSON = Traffic()
EXPONENTIAL = Law(kind="exponential")
BATCHES = 40


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
    sizes: NDArray[np.float64]
    skip: int

    @property
    def latency(self) -> NDArray[np.float64]:
        return self.outcome.latency_s[self.skip :]

    @property
    def waits(self) -> NDArray[np.float64]:
        """Of fleets without batches."""
        return np.maximum(self.latency - self.sizes[self.skip :], 0.0)

    def mean(self, values: NDArray[np.float64] | None = None) -> Mean:
        mean = batch_means(self.latency if values is None else values, BATCHES)
        assert mean is not None
        return mean

    def quantile(self, values: NDArray[np.float64], share: float) -> Mean:
        """Return a quantile with an error: the same statistic of each part of the run."""
        size = len(values) // BATCHES
        parts = values[: size * BATCHES].reshape(BATCHES, size)
        mean = batch_means(np.repeat(np.quantile(parts, share, axis=1), 2), BATCHES)
        assert mean is not None
        return mean


def observe(
    model: Model, rate: float, count: int, seed: int = 1, traffic: Traffic = POISSON
) -> Observed:
    """Simulate about `count` arrivals and cut off the first fifth."""
    arrivals = draw_arrivals(traffic, rate, count, seed)
    sizes = draw(model.service.law, len(arrivals), np.random.default_rng([seed, 2]))
    return Observed(simulate(model, arrivals, sizes, seed), sizes, len(arrivals) // 5)


def agrees(mean: Mean, exact: float, within: float = 0.02, also: float = 0.0) -> None:
    """Assert that a mean is four standard errors from the exact value at most.

    Args:
        mean: of the simulation.
        exact: the value.
        within: the standard error is at most this share of the value, lest anything agrees.
        also: how far the value itself may be off: its last digit, or the limit that it is of.
    """
    assert mean.standard_error <= within * exact, mean
    assert abs(mean.value - exact) <= 4 * mean.standard_error + also, (mean, exact)
