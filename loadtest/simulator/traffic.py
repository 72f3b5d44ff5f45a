"""When simulated requests come: the schedules of the real load test, so many requests long."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from loadtest.arrivals import constant_arrivals, gamma_arrivals, read_trace, schedule
from loadtest.scenario import Frozen, OpenLoad, Size
from loadtest.scenario.shape import Shape

_FOR_EVER_S = 1e9


class Traffic(Frozen):
    """The law of the gaps between arrivals, and how the rate changes."""

    arrivals: Literal["poisson", "constant", "gamma", "trace"] = "poisson"
    cv: float = Field(default=2.0, gt=0, le=100)
    """Coefficient of variation of gamma's gaps."""
    shape: Shape | None = None
    """How the rate changes; None: it does not."""
    trace: Path | None = None
    """A file of arrivals in seconds, one a line; it is stretched to the rate that is asked for."""

    @model_validator(mode="after")
    def _trace_has_a_file(self) -> Self:
        if (self.arrivals == "trace") != (self.trace is not None):
            raise ValueError("trace, a file, belongs to the arrivals that are called trace")
        if self.arrivals == "trace" and self.shape is not None:
            raise ValueError("a trace has a shape of its own")
        return self


def mean_rows(sizes: Sequence[Size]) -> float:
    """Return how many rows a request of a mix has on average."""
    return sum(size.rows * size.weight for size in sizes) / sum(size.weight for size in sizes)


def draw_rows(sizes: Sequence[Size], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the rows of so many requests from a mix."""
    weights = np.array([size.weight for size in sizes])
    rows = np.array([size.rows for size in sizes], dtype=np.int64)
    return np.asarray(rng.choice(rows, count, p=weights / weights.sum()))


def draw_arrivals(
    traffic: Traffic, rate_per_s: float, count: int, seed: int
) -> NDArray[np.float64]:
    """Return about `count` arrivals in seconds, ascending; at rest their rate is `rate_per_s`.

    Raises:
        ScenarioError: a trace cannot be read.
    """
    if traffic.trace is not None:
        starts_s = read_trace(traffic.trace, 1.0, _FOR_EVER_S)[:count]
        factor = len(starts_s) / rate_per_s / max(float(starts_s[-1]), 1e-9)
        return np.asarray(starts_s * factor)
    duration_s = count / rate_per_s
    if traffic.shape is not None:
        return schedule(
            OpenLoad(
                rate_per_s=rate_per_s,
                duration_s=duration_s,
                arrivals="poisson" if traffic.arrivals == "trace" else traffic.arrivals,
                cv=traffic.cv,
                shape=traffic.shape,
                seed=seed,
            )
        )
    if traffic.arrivals == "constant":
        return constant_arrivals(rate_per_s, duration_s)
    cv = traffic.cv if traffic.arrivals == "gamma" else 1.0
    return gamma_arrivals(rate_per_s, cv, duration_s, seed)
