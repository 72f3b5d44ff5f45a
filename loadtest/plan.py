"""What one generator process does: its share of a load, worked out before the clock starts."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from loadtest.arrivals import schedule
from loadtest.payload import Request
from loadtest.progress import Progress
from loadtest.scenario import MAX_REQUESTS, ClosedLoad, Load, MlperfLoad

MLPERF_LEAST = {"SingleStream": 64, "MultiStream": 662}
"""The least queries for which early stopping allows one to be over: see early_stopping."""
PATIENCE = 10.0
"""A closed load that must make a number of requests gives up after so many times its duration."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of a load a process takes, and how it is kept in step with the others.

    Several processes deal one schedule out among them, like cards: the rate is that of the load,
    however many they are.
    """

    index: int = 0
    of: int = 1
    progress: Progress | None = None
    """Counts along, for whoever watches."""
    start: Callable[[], Awaitable[float]] | None = None
    """Waits until all processes are ready and gives the common start, by time.monotonic()."""

    def cut(self, total: int) -> int:
        """Return this process's part of a number; the parts of all add up to it."""
        return total // self.of + (self.index < total % self.of)


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """Arrivals that do not wait for answers."""

    starts_s: list[float]
    """Intended starts, from the start of the load."""
    picks: list[int]
    """Which request each of them sends."""
    max_connections: int


@dataclass(frozen=True, slots=True)
class ClosedPlan:
    """Clients that wait for their answers, each with a connection."""

    max_connections: int
    think_s: float
    exponential: bool
    """The think time is drawn; otherwise it is constant."""
    ends_s: float
    """Nothing is sent after it, once `at_least` requests are."""
    gives_up_s: float
    """Nothing is sent after it at all."""
    at_least: int
    at_most: int
    seed: tuple[int, int]


def plan(load: Load, requests: Sequence[Request], share: Share) -> OpenPlan | ClosedPlan:
    """Return what a process has to do.

    Raises:
        ScenarioError: a trace cannot be read.
    """
    if load.is_open:
        return _open(load, requests, share)
    if isinstance(load, MlperfLoad):
        return _mlperf(load, requests[0].rows, share)
    if not isinstance(load, ClosedLoad):
        raise TypeError(f"{type(load).__name__} is no closed load")
    return ClosedPlan(
        max_connections=share.cut(load.connections),
        think_s=load.think_s,
        exponential=load.think == "exponential",
        ends_s=load.duration_s,
        gives_up_s=load.duration_s,
        at_least=0,
        at_most=share.cut(MAX_REQUESTS),
        seed=(load.seed, share.index),
    )


def limit_s(load: Load) -> float:
    """Return after which time a load sends nothing any more."""
    return load.duration_s * (PATIENCE if isinstance(load, MlperfLoad) else 1.0)


def cumulated_weights(requests: Sequence[Request]) -> list[float]:
    """Return the sums of the requests' weights, for drawing among them."""
    return list(accumulate(request.weight for request in requests))


def _open(load: Load, requests: Sequence[Request], share: Share) -> OpenPlan:
    if isinstance(load, ClosedLoad):
        raise TypeError("a closed load has no schedule")
    starts_s = schedule(load)
    weights = np.array([request.weight for request in requests])
    # Drawn for the whole schedule: which request an arrival sends must not depend on the number
    # of processes.
    drawn = np.random.default_rng([load.seed, 1]).choice(
        len(requests), size=len(starts_s), p=weights / weights.sum()
    )
    return OpenPlan(
        starts_s=starts_s[share.index :: share.of].tolist(),
        picks=drawn[share.index :: share.of].tolist(),
        max_connections=max(1, share.cut(load.max_connections)),
    )


def _mlperf(load: MlperfLoad, rows: int, share: Share) -> ClosedPlan:
    offline = load.scenario == "Offline"
    queries = share.cut(math.ceil(load.samples / rows))
    return ClosedPlan(
        max_connections=max(1, share.cut(load.max_connections)) if offline else 1,
        think_s=0.0,
        exponential=False,
        ends_s=load.duration_s,
        gives_up_s=limit_s(load),
        at_least=queries if offline else MLPERF_LEAST[load.scenario],
        at_most=queries if offline else MAX_REQUESTS,
        seed=(load.seed, share.index),
    )
