"""What the simulator says of one fleet under one load, before anybody runs it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from loadtest.percentiles import P50, P99
from loadtest.simulator.calibration import Calibration
from loadtest.simulator.call import End
from loadtest.simulator.closed import Loop, draw_thinks_s, simulate_closed
from loadtest.simulator.laws import draw
from loadtest.simulator.measured import Setting
from loadtest.simulator.settings import Balancing, Fleet, Model
from loadtest.simulator.simulate import Outcome, simulate
from loadtest.simulator.traffic import draw_rows

_REPEATS = 5
"""So many simulations of the same requests are pooled: the error shall be the model's own."""
_MANY = 20_000
"""Requests of a closed load to begin with; doubled until they outlast its duration."""


@dataclass(frozen=True)
class Forecast:
    """What the simulator says of a run."""

    latency_s: NDArray[np.float64]
    """Of all repeats together, without the refused; infinite for those without a right answer."""
    right: float
    """Right answers a repeat."""
    duration_s: float

    @property
    def figures(self) -> dict[str, float]:
        """Return what is compared: percentiles in seconds, right answers a second."""
        return figures_of(self.latency_s, self.right, self.duration_s)


def foresee(
    calibration: Calibration,
    setting: Setting,
    starts_s: NDArray[np.float64],
    seed: int,
    rows: NDArray[np.int64] | None = None,
) -> Forecast:
    """Say what an open load will come to, from when its requests are due.

    All replicas are taken to share the one machine that was calibrated on.

    Args:
        calibration: of other runs.
        setting: fleet, policy, load and payload.
        starts_s: intended starts, ascending.
        seed: of the simulations.
        rows: of each request; None: drawn from the setting's mix, if it was calibrated.
    """
    model = _model(calibration, setting)

    def once(seed: int, rng: np.random.Generator) -> Outcome:
        sizes = draw(model.service.law, len(starts_s), rng)
        drawn = _rows(calibration, setting, len(starts_s), rng) if rows is None else rows
        return simulate(model, starts_s, sizes, seed, drawn)

    return _pooled(once, setting, seed)


def foresee_closed(calibration: Calibration, setting: Setting, seed: int) -> Forecast:
    """Say what a closed load will come to, for as long as the setting says."""
    model, load = _model(calibration, setting), setting.load

    def once(seed: int, rng: np.random.Generator) -> Outcome:
        count = _MANY
        while True:
            thinks_s = draw_thinks_s(load.think_s, load.think, count, seed)
            sizes = draw(model.service.law, count, rng)
            drawn = _rows(calibration, setting, count, rng)
            loop = Loop(load.connections, thinks_s, load.duration_s)
            outcome = simulate_closed(model, loop, sizes, seed, drawn)
            if len(outcome.ends) < count:
                return outcome
            count *= 2

    return _pooled(once, setting, seed)


def figures_of(latency_s: NDArray[np.float64], right: float, duration_s: float) -> dict[str, float]:
    """Return what is compared of latencies, those without an answer infinite."""
    return {
        "p50": _quantile(latency_s, P50),
        "p99": _quantile(latency_s, P99),
        "throughput": right / duration_s,
    }


def _model(calibration: Calibration, setting: Setting) -> Model:
    return Model(
        fleet=Fleet(replicas=setting.fleet.replicas, workers=setting.fleet.workers, machines=1),
        service=calibration.service,
        balancing=Balancing(policy=setting.balancer.policy, timeout_s=setting.load.timeout_s),
    )


def _rows(
    calibration: Calibration, setting: Setting, count: int, rng: np.random.Generator
) -> NDArray[np.int64] | None:
    if calibration.rows:
        return None
    return draw_rows(setting.payload.sizes, count, rng)


def _pooled(
    once: Callable[[int, np.random.Generator], Outcome], setting: Setting, seed: int
) -> Forecast:
    pooled, answered = [], 0
    for repeat in range(_REPEATS):
        outcome = once(seed + repeat, np.random.default_rng([seed, repeat]))
        pooled.append(outcome.latency_s[outcome.ends != End.REFUSED])
        answered += outcome.right
    return Forecast(np.concatenate(pooled), answered / _REPEATS, setting.load.duration_s)


def _quantile(values: NDArray[np.float64], share: Fraction) -> float:
    rank = math.ceil(share * len(values))
    return float(np.partition(values, rank - 1)[rank - 1])
