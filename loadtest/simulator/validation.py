"""A prediction of a run that was not used for calibration, against what was measured there."""

import math
from dataclasses import dataclass

import numpy as np

from loadtest.errors import ScenarioError
from loadtest.percentiles import P50, P99, samples_needed
from loadtest.simulator.calibration import Calibration
from loadtest.simulator.forecast import Forecast, figures_of, foresee, foresee_closed
from loadtest.simulator.measured import MeasuredRun
from loadtest.statistics.quantiles import Quantile, quantile

TOLERANCES = {"p50": 0.10, "p99": 0.20, "throughput": 0.10}
"""Errors beyond which the simulator must not be believed, relative to the measurement."""


@dataclass(frozen=True)
class Check:
    """One figure, predicted and measured."""

    name: str
    measured: float
    predicted: float
    tolerance: float
    low: float | None = None
    """Of a percentile: where the true one lies with 95 % confidence, by this sample; a tail of few
    requests says little, and an error smaller than that is not one."""
    high: float | None = None

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


def validate(calibration: Calibration, run: MeasuredRun, seed: int) -> Validation:
    """Predict a run from its requests, and compare.

    Of an open load they come when they were due; of a closed one, when the simulation has it.

    Raises:
        ScenarioError: the run asked another model or other rows, or is too short for its p99.
    """
    scenario = run.report.scenario
    if scenario.payload.model != calibration.model or scenario.fleet.workers != calibration.workers:
        raise ScenarioError(
            f"{run.folder} had {scenario.fleet.workers} workers a replica on"
            f" {scenario.payload.model}; calibrated are {calibration.workers} on"
            f" {calibration.model}."
        )
    if calibration.rows and set(run.rows.tolist()) != {calibration.rows}:
        raise ScenarioError(
            f"{run.folder} had requests of {sorted(set(run.rows.tolist()))} rows; calibrated are"
            f" {calibration.rows}. Calibrate with runs of the same mix."
        )
    if scenario.load.kind == "closed":
        return compare(foresee_closed(calibration, scenario, seed), run)
    rows = None if calibration.rows else run.rows
    return compare(foresee(calibration, scenario, run.intended_s, seed, rows), run)


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
    measured = figures_of(measured_s, right, run.report.scenario.load.duration_s)
    enclosed = {"p50": quantile(measured_s, P50), "p99": quantile(measured_s, P99)}
    return Validation(
        run.words,
        tuple(
            _check(name, measured[name], value, enclosed.get(name))
            for name, value in predicted.figures.items()
        ),
    )


def _check(name: str, measured: float, predicted: float, enclosed: Quantile | None) -> Check:
    low, high = (enclosed.low, enclosed.high) if enclosed else (None, None)
    ends = [end if end is not None and math.isfinite(end) else None for end in (low, high)]
    return Check(name, measured, predicted, TOLERANCES[name], *ends)
