"""The metric of an MLPerf scenario, and whether the run is valid by its rules.

Source: MLCommons, inference_policies, inference_rules.adoc of 2026-07: scenarios, early stopping.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.record import Outcome, Record
from loadtest.scenario import MlperfLoad, Slo
from loadtest.statistics.early_stopping import passes, requests_needed

OFFICIAL_S = 600.0
OFFICIAL_SAMPLES = 24_576


@dataclass(frozen=True)
class MlperfResult:
    """What a scenario reports."""

    scenario: str
    metric: str
    value: float | None
    """None: the queries are too few for it."""
    unit: str
    valid: bool
    reasons: tuple[str, ...]
    """Why it is not valid, or valid only for a shorter test than MLPerf's."""


def mlperf_result(
    load: MlperfLoad, slo: Slo | None, records: Sequence[Record], elapsed_s: float
) -> MlperfResult:
    """Return a scenario's metric."""
    right = [record for record in records if record.outcome is Outcome.RIGHT]
    notes = []
    if elapsed_s < OFFICIAL_S:
        notes.append(f"{elapsed_s:.0f} s is shorter than MLPerf's {OFFICIAL_S:.0f} s.")
    faults = []
    if len(right) < len(records):
        faults.append(f"{len(records) - len(right)} queries were not answered right.")
    if load.scenario == "Offline":
        rows = sum(record.rows for record in right)
        if load.samples < OFFICIAL_SAMPLES:
            notes.append(f"{load.samples} samples are fewer than MLPerf's {OFFICIAL_SAMPLES}.")
        value, unit = rows / elapsed_s if elapsed_s else None, "samples/s"
        return _result(load, "throughput", value, unit, faults, notes)
    if load.scenario == "Server":
        if slo is None or load.rate_per_s is None:
            raise ValueError("the Server scenario needs a rate and a bound")
        over = len(records) - sum(record.latency_s <= slo.limit_s for record in right)
        if not passes(len(records), over, slo.p):
            faults.append(
                f"{over} of {len(records)} queries were over {slo.limit_s * 1000:g} ms: early"
                f" stopping allows it only of {requests_needed(over, slo.p)} or more."
            )
        metric = f"scheduled rate with p{slo.p * 100:g} <= {slo.limit_s * 1000:g} ms"
        return _result(load, metric, load.rate_per_s, "queries/s", faults, notes)
    share = load.percentile or 0.0
    value = estimate([record.latency_s for record in right], share)
    if value is None:
        least = requests_needed(1, share)
        faults.append(f"{len(right)} queries are too few: {least} are the least.")
    return _result(
        load, f"p{share * 100:g} latency, early-stopping estimate", value, "s", faults, notes
    )


def estimate(latencies_s: Sequence[float], share: float) -> float | None:
    """Return a latency that the percentile is under at 99 % confidence.

    It is the least of the measured ones for which early stopping would pass: with so many queries,
    t of them may be above it. MLPerf asks for t of 1 at the least.

    Returns:
        None if there are too few.
    """
    count = len(latencies_s)
    low, high = 0, count  # low passes, high does not
    if count < requests_needed(1, share):
        return None
    while low + 1 < high:
        middle = (low + high) // 2
        if passes(count, middle, share):
            low = middle
        else:
            high = middle
    return sorted(latencies_s)[count - 1 - low]


def _result(
    load: MlperfLoad,
    metric: str,
    value: float | None,
    unit: str,
    faults: Sequence[str],
    notes: Sequence[str],
) -> MlperfResult:
    return MlperfResult(load.scenario, metric, value, unit, not faults, (*faults, *notes))
