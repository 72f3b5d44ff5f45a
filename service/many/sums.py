"""What several API processes have counted, as one: taken as JSON, and added up.

Counters of a process that has ended are kept, so that no sum ever goes back.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from service.inference.states import PoolStatistics
from service.metrics import BatchTimes, Gauge, Metrics, ModelMetrics
from service.whole import Overview

LARGEST = frozenset({"percore_predicted_wait_seconds"})
"""Gauges of which the largest is told, not the sum."""
NOBODY = PoolStatistics(0, 0, 0, 0, 0, None, ())
Snapshot = dict[str, Any]


def take(ready: bool, workers: PoolStatistics, metrics: Metrics) -> Snapshot:
    """Return how one process is now, for `add_up`."""
    return {
        "ready": ready,
        "workers": workers._asdict(),
        "models": [_take_model(one) for one in metrics.models()],
        "others": [[*key, count] for key, count in metrics.others().items()],
        "gauges": list(metrics.gauges()),
    }


def bury(snapshot: Snapshot) -> Snapshot:
    """Return what is left of a process that has ended: what it has counted."""
    restarts = snapshot["workers"]["restarts"]
    gauges = [gauge for gauge in snapshot["gauges"] if gauge[0].endswith("_total")]
    workers = NOBODY._replace(restarts=restarts)._asdict()
    return snapshot | {"ready": True, "workers": workers, "gauges": gauges}


def add_up(snapshots: Iterable[Snapshot]) -> Overview:
    """Return how all processes together are.

    Ready are they if each is; the sign of life that counts is the oldest one.
    """
    ready, workers, metrics = True, NOBODY, Metrics()
    gauges: dict[str, Gauge] = {}
    for snapshot in snapshots:
        ready = ready and snapshot["ready"]
        workers = _add_workers(workers, snapshot["workers"])
        for taken in snapshot["models"]:
            _add_model(metrics.model(taken["name"], taken["version"]), taken)
        for route, status, count in snapshot["others"]:
            metrics.count_other(route, status, count)
        for name, text, value in snapshot["gauges"]:
            known = gauges.get(name, (name, text, 0.0))[2]
            both = max(known, value) if name in LARGEST else known + value
            gauges[name] = (name, text, both)

    def read() -> Iterator[Gauge]:
        yield from gauges.values()

    metrics.add_gauges(read)
    return Overview(ready, workers, metrics)


def _add_workers(sum_: PoolStatistics, taken: dict[str, Any]) -> PoolStatistics:
    more = PoolStatistics(**taken)
    heard = [one.heard_s for one in (sum_, more) if one.heard_s is not None]
    return PoolStatistics(
        sum_.wanted + more.wanted,
        sum_.ready + more.ready,
        sum_.spare + more.spare,
        sum_.busy + more.busy,
        sum_.restarts + more.restarts,
        max(heard, default=None),
        (*sum_.pids, *more.pids),
    )


def _take_model(counted: ModelMetrics) -> Snapshot:
    name, version = counted.labels
    return {
        "name": name,
        "version": int(version),
        "requests": list(counted.requests.items()),
        "shed": list(counted.shed.items()),
        "aborted": list(counted.aborted.items()),
        "rows": counted.rows,
        "failed_s": counted.failed_s,
        "plan_differences": counted.plan_differences,
        "forms": counted.forms,
        "histograms": [one.read() for one in counted.histograms()],
        "batch_times": [
            [rows, times.count, times.predict_ns, times.around_ns]
            for rows, times in counted.batch_times.items()
        ],
        "last_batch_at": counted.last_batch_at,
    }


def _add_model(sum_: ModelMetrics, taken: Snapshot) -> None:
    for counters, more in (
        (sum_.requests, taken["requests"]),
        (sum_.shed, taken["shed"]),
        (sum_.aborted, taken["aborted"]),
    ):
        for key, count in more:
            counters[key] = counters.get(key, 0) + count
    sum_.rows += taken["rows"]
    sum_.failed_s += taken["failed_s"]
    sum_.plan_differences += taken["plan_differences"]
    sum_.forms = tuple((up_to, form) for up_to, form in taken["forms"]) or sum_.forms
    for histogram, (counts, total) in zip(sum_.histograms(), taken["histograms"], strict=True):
        histogram.add(counts, total)
    for rows, count, predict_ns, around_ns in taken["batch_times"]:
        times = sum_.batch_times.setdefault(rows, BatchTimes())
        times.count += count
        times.predict_ns += predict_ns
        times.around_ns += around_ns
    # The monotonic clock is the machine's, and the same in all of its processes.
    sum_.last_batch_at = max(sum_.last_batch_at, taken["last_batch_at"])
