"""One load that was tried, and whether the fleet sustains it: a judgement on a run's figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from loadtest.record import Outcome, Record
from loadtest.scenario import Load
from loadtest.summary import Summary, own_fault

Times = NDArray[np.float64]

CONFIDENCE = 0.99
"""That the backlog really grows."""
WINDOWS = 20


@dataclass(frozen=True)
class Probe:
    """What came of one rate."""

    rate_per_s: float
    """As planned."""
    sustained: bool
    valid: bool
    """The generator can vouch for it; if not, nothing is known about the fleet."""
    reasons: tuple[str, ...]
    """Why it is not sustained or not valid."""
    goodput_per_s: float
    p50_s: float | None
    p99_s: float | None
    """None: the sample does not support it, or it fell among what was lost."""
    requests: int
    over: int
    backlog_slope_per_s: float
    """By how many requests the number outstanding grows a second."""


def judge_probe(
    rate_per_s: float, summary: Summary, records: Sequence[Record], load: Load, limit_s: float
) -> Probe:
    """Judge one run under an SLO.

    Sustained means: early stopping shows the percentile met, errors are few, no answer is wrong,
    and the backlog does not grow, for a fleet that is overloaded a little passes all else in a
    short run.

    Args:
        rate_per_s: what was planned.
        summary: of the run.
        records: of the run.
        load: that was put on the fleet.
        limit_s: of the SLO.

    Raises:
        ValueError: the run had no SLO.
    """
    slo = summary.slo
    if slo is None:
        raise ValueError("a search needs an SLO")
    slope, grows = backlog_slope(records, load.duration_s)
    reasons = []
    if summary.counts.wrong:
        reasons.append(f"{summary.counts.wrong} answers were wrong")
    if not slo.shown:
        reasons.append(
            f"{slo.over} of {slo.requests} requests were over the SLO:"
            f" p is not under the limit at {CONFIDENCE:.0%} confidence"
        )
    if grows:
        reasons.append(f"the backlog grows by {slope:.1f} requests a second")
    # What was taken up in time and then waited for a connection is the fleet's doing.
    valid = not own_fault(summary.generator, limit_s)
    own_reasons = () if valid else summary.warnings[:1]
    p50, p99 = summary.latency["p50"], summary.latency["p99"]
    return Probe(
        rate_per_s=rate_per_s,
        sustained=valid and not reasons,
        valid=valid,
        reasons=(*own_reasons, *reasons),
        goodput_per_s=slo.goodput_per_s,
        p50_s=None if p50 is None or p50.at_least else p50.value_s,
        p99_s=None if p99 is None or p99.at_least else p99.value_s,
        requests=slo.requests,
        over=slo.over,
        backlog_slope_per_s=slope,
    )


def backlog_slope(records: Sequence[Record], duration_s: float) -> tuple[float, bool]:
    """Return by how much the number of outstanding requests grows a second, and whether surely.

    The number is averaged over twenty windows of the load; a line is fitted through the last
    three quarters of them, and its slope tested one-sidedly at 99 %. A fleet whose queue has its
    level keeps it; in an overloaded one the line rises for as long as the load goes on.

    Args:
        records: of one load.
        duration_s: how long requests were sent.
    """
    edges = np.linspace(0.0, duration_s, WINDOWS + 1)
    starts = np.array([record.intended_s for record in records])
    ends = np.array([record.done_s for record in records if record.outcome is not Outcome.REFUSED])
    refused = np.array([r.intended_s for r in records if r.outcome is Outcome.REFUSED])
    ends = np.concatenate([ends, refused])  # told at once: it was never outstanding
    levels = _means(starts, edges) - _means(ends, edges)
    levels = levels[WINDOWS // 4 :]
    times_s = ((edges[1:] + edges[:-1]) / 2)[WINDOWS // 4 :]
    centred = times_s - times_s.mean()
    slope = float((centred * levels).sum() / (centred**2).sum())
    left = levels - levels.mean() - slope * centred
    freedom = len(levels) - 2
    error = float(np.sqrt((left**2).sum() / freedom / (centred**2).sum()))
    # Less than one request over the whole load is nothing, however surely it is measured.
    grows = slope * duration_s > 1.0 and slope > float(stdtrit(freedom, CONFIDENCE)) * error
    return slope, grows


def _means(times_s: Times, edges: Times) -> Times:
    """Return, for each window, the mean number of times that lie before a moment of it."""
    ordered = np.sort(times_s)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    places = np.searchsorted(ordered, edges)
    inside, total = np.diff(places), np.diff(sums[places])
    # A time inside a window counts for the part of the window after it.
    return np.asarray(places[:-1] + (inside * edges[1:] - total) / np.diff(edges))
