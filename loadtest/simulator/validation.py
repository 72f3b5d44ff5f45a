"""A prediction of a run that was not used for calibration, against what was measured there."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from loadtest.errors import ScenarioError
from loadtest.percentiles import P50, P99, samples_needed
from loadtest.simulator.calibration import Calibration
from loadtest.simulator.call import End
from loadtest.simulator.laws import draw
from loadtest.simulator.measured import MeasuredRun, Setting
from loadtest.simulator.settings import Balancing, Fleet, Model
from loadtest.simulator.simulate import simulate

TOLERANCES = {"p50": 0.10, "p99": 0.20, "throughput": 0.10}
"""Errors beyond which the simulator must not be believed, relative to the measurement."""
_REPEATS = 5
"""So many simulations of the same arrivals are pooled: the error shall be the model's own."""


@dataclass(frozen=True)
class Check:
    """One figure, predicted and measured."""

    name: str
    measured: float
    predicted: float
    tolerance: float

    @property
    def error(self) -> float:
        """Return predicted over measured, minus 1."""
        return self.predicted / self.measured - 1 if self.measured else math.inf

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance."""
        return abs(self.error) <= self.tolerance


@dataclass(frozen=True)
class Validation:
    """All figures of one held-out run."""

    run: str
    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """Whether every figure holds."""
        return all(check.holds for check in self.checks)

    @property
    def words(self) -> str:
        """Say how far the prediction was off; this stands beside every extrapolation."""
        errors = ", ".join(f"{check.name} {check.error:+.1%}" for check in self.checks)
        return f"held-out run {self.run}: {errors}"


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
        return _figures(self.latency_s, self.right, self.duration_s)


def validate(calibration: Calibration, run: MeasuredRun, seed: int) -> Validation:
    """Predict a run from its intended starts, and compare.

    Raises:
        ScenarioError: the run was closed, asked another model, or is too short for its p99.
    """
    scenario = run.report.scenario
    if scenario.load.kind == "closed":
        raise ScenarioError(f"{run.folder} had a closed load; hold out a run with an open one.")
    if scenario.payload.model != calibration.model or scenario.fleet.workers != calibration.workers:
        raise ScenarioError(
            f"{run.folder} had {scenario.fleet.workers} workers a replica on"
            f" {scenario.payload.model}; calibrated are {calibration.workers} on"
            f" {calibration.model}."
        )
    return compare(forecast(calibration, scenario, run.intended_s, seed), run)


def forecast(
    calibration: Calibration, setting: Setting, starts_s: NDArray[np.float64], seed: int
) -> Forecast:
    """Say what a run will come to, from when its requests are due.

    All its replicas are taken to share the one machine that was calibrated on.

    Args:
        calibration: of other runs.
        setting: fleet, policy and load.
        starts_s: intended starts, ascending.
        seed: of the simulations.
    """
    model = Model(
        fleet=Fleet(replicas=setting.fleet.replicas, workers=setting.fleet.workers, machines=1),
        service=calibration.service,
        balancing=Balancing(policy=setting.balancer.policy, timeout_s=setting.load.timeout_s),
    )
    pooled, answered = [], 0
    for repeat in range(_REPEATS):
        rng = np.random.default_rng([seed, repeat])
        sizes = draw(model.service.law, len(starts_s), rng)
        outcome = simulate(model, starts_s, sizes, seed + repeat)
        pooled.append(outcome.latency_s[outcome.ends != End.REFUSED])
        answered += outcome.right
    return Forecast(np.concatenate(pooled), answered / _REPEATS, setting.load.duration_s)


def compare(predicted: Forecast, run: MeasuredRun) -> Validation:
    """Hold a forecast against what was measured.

    Raises:
        ScenarioError: the run is too short for its p99.
    """
    measured_s = run.latency_s
    if len(measured_s) < samples_needed(P99):
        raise ScenarioError(
            f"{run.folder} has {len(measured_s)} requests; {samples_needed(P99)} is the least that"
            " supports a p99."
        )
    right = int(np.isfinite(measured_s).sum())
    measured = _figures(measured_s, right, run.report.scenario.load.duration_s)
    return Validation(
        run.words,
        tuple(
            Check(name, measured[name], value, TOLERANCES[name])
            for name, value in predicted.figures.items()
        ),
    )


def _figures(latency_s: NDArray[np.float64], right: float, duration_s: float) -> dict[str, float]:
    return {
        "p50": _quantile(latency_s, P50),
        "p99": _quantile(latency_s, P99),
        "throughput": right / duration_s,
    }


def _quantile(values: NDArray[np.float64], share: Fraction) -> float:
    rank = math.ceil(share * len(values))
    return float(np.partition(values, rank - 1)[rank - 1])
