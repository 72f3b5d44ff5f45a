"""From measured runs to the numbers that a simulation needs."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import nnls

from loadtest.errors import ScenarioError
from loadtest.scenario.base import Frozen
from loadtest.simulator.laws import Law
from loadtest.simulator.measured import Batch, MeasuredRun, batches_of, busy_workers, held_s
from loadtest.simulator.settings import Service

_SEEN_ENOUGH = 30
"""A size of batch, or a number of busy workers, counts as measured from so many batches on: fewer
say less of it than the line through all of them."""
_QUANTILES = 1000
"""Measured laws are kept as so many of their quantiles."""


class Calibration(Frozen):
    """What was measured, and where."""

    runs: tuple[str, ...]
    model: str
    rows: int | None
    """Rows a request; None: a mix of sizes, and the service's times go by rows."""
    workers: int
    """A replica."""
    batches: int
    """So many were looked at."""
    largest_batch: int
    """Requests, or rows of a mix; the times of larger batches are extrapolated along a line."""
    most_busy: int
    """Workers at once; the slowdown by more is extrapolated by the universal scalability law."""
    between_s: float = Field(ge=0)
    """From the end of a prediction until its worker begins the next, when requests wait."""
    service: Service


def calibrate(
    runs: Sequence[MeasuredRun], most: int, overheads_of: Sequence[MeasuredRun] = ()
) -> Calibration:
    """Measure the service time by batch size, the slowdown by concurrency, and the overhead.

    Args:
        runs: on one machine, of one model, with as many workers a replica.
        most: requests that fit into a batch of the service; rows, if requests differ in theirs.
        overheads_of: the runs that say what everything beside the workers takes; none: all do.

    Raises:
        ScenarioError: they do not belong together, or say too little.
    """
    workers, rows = _same(runs)
    found = [batches_of(run.timed) for run in runs]
    busy = np.concatenate([busy_workers(each) for each in found])
    batches = [batch for each in found for batch in each]
    sizes = np.array([batch.requests if rows else batch.rows for batch in batches])
    times_s = np.array([batch.held_s for batch in batches])
    if len(batches) < _QUANTILES / 10:
        raise ScenarioError(
            f"{len(batches)} batches are too few to calibrate with; make longer runs."
        )
    slowdown = _slowdown(busy, sizes, times_s)
    alone_s = times_s / slowdown[np.minimum(busy, len(slowdown)) - 1]
    # What is larger than a batch travels alone, and has a time of its own.
    upto = most if rows else max(most, int(sizes.max()))
    predict_s = _by_size(sizes, alone_s, upto)
    between_s = _between_s(found) if workers == 1 else 0.0
    return Calibration(
        runs=tuple(run.words for run in runs),
        model=runs[0].report.scenario.payload.model,
        rows=rows,
        workers=workers,
        batches=len(batches),
        largest_batch=int(_often(sizes)[-1]),
        most_busy=int(_often(busy)[-1]),
        between_s=between_s,
        service=Service(
            batch_s=tuple((predict_s + between_s).tolist()),
            max_batch=None if rows else most,
            law=_scatter(alone_s, predict_s[np.minimum(sizes, upto) - 1]),
            slowdown=tuple(slowdown.tolist()),
            overhead_s=_quantiles(_overheads_s(overheads_of or runs, between_s)),
        ),
    )


def pace(calibrated: Sequence[MeasuredRun], other: Sequence[MeasuredRun]) -> float | None:
    """Return how much longer lone requests were predicted in other runs, as a share.

    The same code on the same rows while no other worker computed: what differs is how fast the
    machine was. None if too few requests were alone.
    """
    before_s, after_s = _alone_s(calibrated), _alone_s(other)
    if min(len(before_s), len(after_s)) < _SEEN_ENOUGH:
        return None
    return float(np.median(after_s) / np.median(before_s)) - 1


def _alone_s(runs: Sequence[MeasuredRun]) -> list[float]:
    found = [batches_of(run.timed) for run in runs]
    return [
        batch.predict_s
        for batches in found
        for batch, busy in zip(batches, busy_workers(batches), strict=True)
        if batch.requests == 1 and busy == 1 and batch.predict_s > 0
    ]


def usl(
    busy: NDArray[np.float64],
    slowdown: NDArray[np.float64],
    upto: int,
    batches: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Fit the universal scalability law, and return the slowdown by 1, 2 … `upto` busy workers.

    A worker's time grows by 1 + s (n - 1) + k n (n - 1) if n are busy: s is contention, k the
    price of agreement, neither negative. Source: N. J. Gunther. Two numbers of workers say
    nothing of k, which is 0 then: what grows squarely must be seen to.
    """
    terms = np.stack([busy - 1, busy * (busy - 1)], axis=1)
    if len(busy) < 3:
        terms[:, 1] = 0.0
    weights = np.ones(len(busy)) if batches is None else np.sqrt(batches)
    (contention, coherence), _ = nnls(terms * weights[:, None], (slowdown - 1) * weights)
    count = np.arange(1, upto + 1, dtype=np.float64)
    return np.asarray(1 + contention * (count - 1) + coherence * count * (count - 1))


def _same(runs: Sequence[MeasuredRun]) -> tuple[int, int | None]:
    """Return the workers a replica, and the rows a request, None if they differ."""
    scenarios = [run.report.scenario for run in runs]
    kinds = {(each.fleet.workers, each.payload.model) for each in scenarios}
    if len(kinds) != 1:
        raise ScenarioError(
            "Runs to calibrate with must have the same workers a replica and the same model; these"
            f" have {sorted(kinds)}."
        )
    workers, _ = kinds.pop()
    rows = {record.rows for run in runs for record in run.timed}
    return workers, rows.pop() if len(rows) == 1 else None


def _often(values: NDArray[np.int64]) -> list[int]:
    """Return the values that were seen often enough, ascending; the most frequent one always."""
    counts = Counter(values.tolist())
    often = sorted(value for value, count in counts.items() if count >= _SEEN_ENOUGH)
    return often or [counts.most_common(1)[0][0]]


def _slowdown(
    busy: NDArray[np.int64], sizes: NDArray[np.int64], times_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the slowdown by 1, 2 … busy workers: of batches of the size that came most often."""
    usual = sizes == Counter(sizes.tolist()).most_common(1)[0][0]
    counts = np.array(_often(busy[usual]), dtype=np.int64)
    seen = [times_s[usual & (busy == count)] for count in counts]
    means_s = np.array([each.mean() for each in seen])
    if counts[0] != 1 or len(counts) == 1:
        return np.ones(1)
    return usl(
        counts.astype(np.float64),
        means_s / means_s[0],
        4 * int(counts[-1]),
        np.array([len(each) for each in seen]),
    )


def _by_size(
    sizes: NDArray[np.int64], times_s: NDArray[np.float64], most: int
) -> NDArray[np.float64]:
    """Return the time of batches of 1 … `most`: the mean where measured, between and beyond a line.

    The line is that of least squares, rising and above zero.
    """
    line = np.stack([np.ones(len(sizes)), sizes], axis=1)
    (base_s, each_s), _ = nnls(line, times_s)
    known = [size for size in _often(sizes) if size <= most]
    means_s = [times_s[sizes == size].mean() for size in known]
    count = np.arange(1, most + 1)
    fitted_s = base_s + each_s * count
    if not known:
        return np.asarray(fitted_s)
    # Beyond the largest that was measured the line goes on from there.
    beyond_s = means_s[-1] + each_s * (count - known[-1])
    below_s = np.maximum(means_s[0] - each_s * (known[0] - count), means_s[0] / known[0])
    between_s = np.interp(count, known, means_s)
    inside_s = np.where(count < known[0], below_s, between_s)
    return np.asarray(np.where(count > known[-1], beyond_s, inside_s))


def _scatter(times_s: NDArray[np.float64], usual_s: NDArray[np.float64]) -> Law:
    return Law(kind="empirical", values=_quantiles(times_s / usual_s))


def _between_s(found: Sequence[Sequence[Batch]]) -> float:
    """Return the pause of a worker between two batches, where the second one's requests waited."""
    pauses_s = []
    for batches in found:
        last: dict[str, Batch] = {}
        for batch in batches:
            before = last.get(batch.replica)
            last[batch.replica] = batch
            if before is None:
                continue
            pause_s = batch.start_s - before.start_s - before.held_s
            if 0 <= pause_s < batch.longest_queue_s:
                pauses_s.append(pause_s)
    return float(np.median(pauses_s)) if len(pauses_s) >= _SEEN_ENOUGH else 0.0


def _overheads_s(runs: Sequence[MeasuredRun], between_s: float) -> NDArray[np.float64]:
    """Return what answers took beyond queue, worker and its pause, from the intended start.

    The generator's own lag is part of it: it is part of what is measured on held-out runs, too.
    """
    overheads_s = np.array(
        [
            record.latency_s - (record.queue_s or 0.0) - held_s(record)
            for run in runs
            for record in run.timed
        ]
    )
    return np.maximum(overheads_s - between_s, 0.0)


def _quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return tuple(np.quantile(values, shares).tolist())
