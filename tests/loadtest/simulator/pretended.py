"""Folders of runs that nobody made: a fleet of known truth, recorded as the load test records."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from loadtest.record import Outcome as Outcome_
from loadtest.record import Record, write_records
from loadtest.simulator import stage
from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Clock
from loadtest.simulator.front import Front
from loadtest.simulator.laws import draw
from loadtest.simulator.mixed import MixedReplica
from loadtest.simulator.policies import make_views
from loadtest.simulator.replica import Machine, Replica, Shape
from loadtest.simulator.settings import Model
from loadtest.simulator.simulate import Outcome
from loadtest.simulator.traffic import Traffic, draw_arrivals

Began = dict[int, tuple[float, float, int]]
"""Request → when its batch began, how long it took, and in which replica."""


class Told(Replica):
    """A replica that tells when each call began, and for how long its batch took."""

    began: Began

    def _start(self, now: float, worker: int, batch: list[Call], place: int) -> None:
        before = self.busy_s
        super()._start(now, worker, batch, place)
        for call in batch:
            self.began[call.index] = (now, self.busy_s - before, self.number)


class ToldMixed(Told, MixedReplica):
    """The same of a replica whose calls have rows."""


def pretend(
    folder: Path,
    model: Model,
    simulated: Callable[[], Outcome],
    load: dict[str, object],
    payload: dict[str, object],
    rows: NDArray[np.int64] | None = None,
) -> Path:
    """Write report.json and requests.csv of one simulation."""
    began: Began = {}
    with (
        patch.object(stage, "Replica", type("Mine", (Told,), {"began": began})),
        patch.object(stage, "MixedReplica", type("Mine", (ToldMixed,), {"began": began})),
    ):
        outcome = simulated()
    latency_s = outcome.latency_s.tolist()
    seen = _Seen(outcome.arrivals_s.tolist(), latency_s, outcome.ends, began)
    return _write(folder, model, seen, load, payload, rows)


def pretend_run(
    folder: Path, model: Model, rate: float, duration_s: float, seed: int, workload: str = "m"
) -> Path:
    """Write report.json and requests.csv of a run; all replicas stand on one machine."""
    arrivals = draw_arrivals(Traffic(), rate, int(rate * duration_s), seed)
    return pretend_these(folder, model, arrivals, seed, workload)


def pretend_these(
    folder: Path, model: Model, arrivals: NDArray[np.float64], seed: int, workload: str
) -> Path:
    """Write the same of requests that come at these times."""
    duration_s = float(arrivals[-1])
    rng = np.random.default_rng(seed)
    sizes = draw(model.service.law, len(arrivals), rng)
    clock, random, machine = Clock(), Random(seed), Machine()
    times = arrivals.tolist()
    front = Front(
        clock, make_views(model, random), model.balancing.rules(1), times, sizes.tolist(), random
    )
    shape = Shape(
        model.fleet.workers,
        [0.0, *model.service.batch_s],
        [1.0, *model.service.slowdown],
    )
    replicas = [
        Told(number, clock, shape, front.answer, machine) for number in range(model.fleet.replicas)
    ]
    began: Began = {}
    for replica in replicas:
        replica.began = began
    front.connect(replicas)
    clock.run(times, front.arrive)
    clock.finish(1e9)
    overheads = rng.choice(model.service.overhead_s, len(times))
    latency_s = [front.latency_s[index] + float(overheads[index]) for index in range(len(times))]
    load: dict[str, object] = {"kind": "open", "duration_s": duration_s}
    seen = _Seen(times, latency_s, front.ends, began)
    return _write(folder, model, seen, load, {"model": workload})


class _Seen(NamedTuple):
    """What became of requests, one after the other."""

    arrivals_s: Sequence[float]
    latency_s: Sequence[float]
    ends: Sequence[int] | NDArray[np.uint8]
    began: Began


def _write(
    folder: Path,
    model: Model,
    seen: _Seen,
    load: dict[str, object],
    payload: dict[str, object],
    rows: NDArray[np.int64] | None = None,
) -> Path:
    records = [
        Record(
            request=0,
            intended_s=at_s,
            taken_s=at_s,
            sent_s=at_s,
            done_s=at_s + seen.latency_s[index],
            outcome=Outcome_.RIGHT if seen.ends[index] == End.RIGHT else Outcome_.LOST,
            status=200,
            cause="",
            replica=f"replica-{seen.began[index][2]}",
            queue_s=seen.began[index][0] - at_s,
            predict_s=round(seen.began[index][1], 6),
            rows=1 if rows is None else int(rows[index]),
        )
        for index, at_s in enumerate(seen.arrivals_s)
    ]
    folder.mkdir(parents=True)
    write_records(folder / "requests.csv", records)
    report = {
        "date": "2026-01-01",
        "kind": "emulated",
        "scenario": {
            "fleet": {"replicas": model.fleet.replicas, "workers": model.fleet.workers},
            "balancer": {"policy": model.balancing.policy},
            "load": {"timeout_s": 10.0, **load},
            "payload": {"model": "m", **payload},
        },
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder
