"""A figure over several runs: median, interval, spread, and differences between variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from loadtest.statistics.batch_means import of_runs
from loadtest.summary import Summary

CV_LIMIT = 0.10
"""A figure that varies more than this from run to run needs more runs."""
RUNS_NEEDED = 5
"""Fewer give no interval worth its name."""

METRICS = ("throughput_per_s", "goodput_per_s", "p50_s", "p90_s", "p99_s", "p999_s")


@dataclass(frozen=True)
class Spread:
    """One figure, one value a run."""

    values: tuple[float, ...]
    median: float
    low: float | None
    """With `high` Student's 95 % interval of the mean over runs; None with fewer than five."""
    high: float | None
    cv: float | None
    """Standard deviation over mean; None for one run or a mean of 0."""

    @property
    def enough(self) -> bool:
        """Whether the runs are as many as their spread asks for."""
        return len(self.values) >= RUNS_NEEDED and (self.cv is None or self.cv <= CV_LIMIT)


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of a figure over runs.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no run, no spread")
    low = high = cv = None
    if len(values) >= RUNS_NEEDED:
        low, high = of_runs(values).interval()
    if len(values) >= 2 and fmean(values):
        cv = stdev(values) / abs(fmean(values))
    return Spread(tuple(values), median(values), low, high, cv)


def metric(summary: Summary, name: str) -> float | None:
    """Return a figure of a run; None if the run cannot support it.

    A percentile that is only known to be above a value is none: its spread would be that of the
    time-out.
    """
    if name == "throughput_per_s":
        return summary.throughput_per_s
    if name == "goodput_per_s":
        return None if summary.slo is None else summary.slo.goodput_per_s
    latency = summary.latency[name.removesuffix("_s")]
    return None if latency is None or latency.at_least else latency.value_s


def spreads(summaries: Sequence[Summary]) -> dict[str, Spread]:
    """Return the figures that every run supports."""
    found = {}
    for name in METRICS:
        values = [metric(summary, name) for summary in summaries]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            found[name] = spread(known)
    return found


def differences(ours: Sequence[Summary], base: Sequence[Summary]) -> dict[str, Spread]:
    """Return a variant's figures minus the base's, run by run: pairs had the same seed.

    Args:
        ours: runs of the variant.
        base: as many runs of the other one, in the same order.
    """
    found = {}
    for name in METRICS:
        pairs = [
            (metric(mine, name), metric(other, name))
            for mine, other in zip(ours, base, strict=True)
        ]
        known = [mine - other for mine, other in pairs if mine is not None and other is not None]
        if known and len(known) == len(pairs):
            found[name] = spread(known)
    return found
