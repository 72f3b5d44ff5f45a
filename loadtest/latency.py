"""Percentiles of latency with their intervals, and what of a run's start is left out of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from loadtest.percentiles import P50, P90, P99
from loadtest.record import Outcome, Record
from loadtest.statistics.mser import GROUP, warm_up
from loadtest.statistics.quantiles import Quantile, quantile

QUANTILES = {
    "p50": P50,
    "p90": P90,
    "p95": Fraction(95, 100),
    "p99": P99,
    "p999": Fraction(999, 1000),
}


@dataclass(frozen=True)
class Latency:
    """One percentile from the intended start, in seconds."""

    value_s: float
    at_least: bool
    """The percentile fell among the wrong and lost: it is above the value, nobody knows how far."""
    low_s: float | None = None
    """With `high_s` the 95 % interval of ranks; None where the sample does not reach. It assumes
    requests that do not depend on each other: runs, not requests, compare two systems."""
    high_s: float | None = None


@dataclass(frozen=True)
class WarmUp:
    """What was left out of the percentiles at a run's start; the counts have it."""

    method: str
    until_s: float
    """By intended start."""
    requests: int
    steady: bool
    """MSER-5 found a cut well before the half; otherwise the run was not steady, or too short."""


NO_WARM_UP = WarmUp("none", 0.0, 0, steady=True)


def latencies(records: Sequence[Record], timeout_s: float) -> dict[str, Latency | None]:
    """Return percentiles and the maximum from intended starts; None where the sample is too small.

    Wrong and lost requests are in the sample, slower than everything: a server must not become
    faster by failing. Refused ones are not; they were told at once, and are counted apart.
    """
    samples = np.array(
        [
            record.latency_s if record.outcome is Outcome.RIGHT else math.inf
            for record in records
            if record.outcome is not Outcome.REFUSED
        ]
    )
    values = {name: _latency(quantile(samples, p), timeout_s) for name, p in QUANTILES.items()}
    if len(samples):
        most = float(samples.max())
        values["max"] = _latency(Quantile(most, None, None), timeout_s)
    else:
        values["max"] = None
    return values


def find_warm_up(
    records: Sequence[Record], method: Literal["none", "mser"] | float, timeout_s: float
) -> WarmUp:
    """Return what of a run's start is left out.

    Args:
        records: by intended start.
        method: nothing, what MSER-5 finds, or a number of seconds.
        timeout_s: stands for the latency of what was lost or wrong.
    """
    if method == "none" or not records:
        return NO_WARM_UP
    if isinstance(method, int | float):
        count = sum(record.intended_s < method for record in records)
        return WarmUp(f"{method:g} s", float(method), count, steady=True)
    samples = [
        record.latency_s if record.outcome is Outcome.RIGHT else timeout_s for record in records
    ]
    count = warm_up(samples)
    # A minimum at the very end of the search is no minimum.
    steady = count < len(records) // 2 // GROUP * GROUP
    return WarmUp("MSER-5", records[count].intended_s if count else 0.0, count, steady)


def after(records: Sequence[Record], warm_up: WarmUp) -> Sequence[Record]:
    """Return the records without the warm-up's."""
    if not warm_up.requests:
        return records
    return [record for record in records if record.intended_s >= warm_up.until_s]


def lag1(records: Sequence[Record]) -> float | None:
    """Return how much each right answer's latency goes with the next one's: a correlation."""
    values = np.array([each.latency_s for each in records if each.outcome is Outcome.RIGHT])
    if len(values) < 3 or values[1:].std() == 0 or values[:-1].std() == 0:
        return None
    return float(np.corrcoef(values[1:], values[:-1])[0, 1])


def _latency(found: Quantile | None, timeout_s: float) -> Latency | None:
    if found is None:
        return None
    unknown = math.isinf(found.value)
    return Latency(
        timeout_s if unknown else found.value,
        at_least=unknown,
        low_s=_finite(found.low),
        high_s=_finite(found.high),
    )


def _finite(value_s: float | None) -> float | None:
    return None if value_s is None or math.isinf(value_s) else value_s
