"""The standard error of a mean whose samples depend on each other, as waiting times do.

Source: A. M. Law, "Simulation Modeling and Analysis", the method of batch means.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95
MIN_BATCHES = 20
MAX_LAG1 = 0.1
"""Batches that are more alike than this with their neighbours are too short."""


@dataclass(frozen=True)
class Mean:
    """A mean, and how far it may be off."""

    value: float
    standard_error: float
    batches: int
    lag1: float
    """Correlation of each batch's mean with the next one's."""

    @property
    def independent(self) -> bool:
        """Whether the batches are long enough for the standard error to be believed."""
        return self.lag1 < MAX_LAG1

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return Student's interval around the mean."""
        half = student(self.batches, confidence) * self.standard_error
        return self.value - half, self.value + half


def batch_means(
    samples: Sequence[float] | NDArray[np.float64], batches: int = MIN_BATCHES
) -> Mean | None:
    """Return the mean of one long run with its standard error.

    Args:
        samples: in the order in which they arose, without the warm-up.
        batches: into so many equal parts they are cut; at least 20. The remainder at the start
            is left out.

    Returns:
        None if there are fewer than two samples a batch.

    Raises:
        ValueError: fewer than 20 batches.
    """
    if batches < MIN_BATCHES:
        raise ValueError(f"{batches} batches say too little; {MIN_BATCHES} is the least")
    values = np.asarray(samples, dtype=np.float64)
    size = len(values) // batches
    if size < 2:
        return None
    means = values[len(values) - size * batches :].reshape(batches, size).mean(axis=1)
    return of_runs(means)


def of_runs(values: Sequence[float] | NDArray[np.float64]) -> Mean:
    """Return the mean of independent values, one a run or a batch; at least two.

    Raises:
        ValueError: fewer than two values.
    """
    means = np.asarray(values, dtype=np.float64)
    count = len(means)
    if count < 2:
        raise ValueError("one value has no standard error")
    centred = means - means.mean()
    squares = float((centred**2).sum())
    lag1 = float((centred[1:] * centred[:-1]).sum()) / squares if squares > 0 else 0.0
    error = math.sqrt(squares / (count - 1) / count)
    return Mean(float(means.mean()), error, count, lag1)


def student(count: int, confidence: float = 0.95) -> float:
    """Return Student's factor for the mean of `count` values: 2.776 for five at 95 %."""
    return float(stdtrit(count - 1, (1 + confidence) / 2))


def quantile_of_batches(
    samples: Sequence[float] | NDArray[np.float64], share: float, batches: int = MIN_BATCHES
) -> Mean | None:
    """Return a quantile of one long run, with an error that holds for dependent samples.

    The value is the mean of the batches' own quantiles, which for batches that are not large is a
    little below the quantile of all: report that, and take from here how far it may be off.

    Returns:
        None if a batch has too few samples for the quantile: 299 for p99.

    Raises:
        ValueError: fewer than 20 batches.
    """
    if batches < MIN_BATCHES:
        raise ValueError(f"{batches} batches say too little; {MIN_BATCHES} is the least")
    values = np.asarray(samples, dtype=np.float64)
    size = len(values) // batches
    if size < 2 or share**size > 1 - CONFIDENCE:
        return None
    parts = values[len(values) - size * batches :].reshape(batches, size)
    rank = math.ceil(share * size) - 1
    found = np.partition(parts, rank, axis=1)[:, rank]
    return of_runs(found) if np.isfinite(found).all() else None
