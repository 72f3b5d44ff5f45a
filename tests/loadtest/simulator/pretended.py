"""Folders of runs that nobody made: a fleet of known truth, recorded as the load test records."""

import json
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from loadtest.record import Outcome, Record, write_records
from loadtest.simulator.call import Call, End
from loadtest.simulator.clock import Clock
from loadtest.simulator.front import Front
from loadtest.simulator.laws import draw
from loadtest.simulator.policies import make_views
from loadtest.simulator.replica import Machine, Replica, Shape
from loadtest.simulator.settings import Model
from loadtest.simulator.traffic import Traffic, draw_arrivals


class Told(Replica):
    """A replica that tells when each call began, and for how long its batch took."""

    began: dict[int, tuple[float, float]]

    def _start(self, now: float, worker: int, batch: list[Call]) -> None:
        before = self.busy_s
        super()._start(now, worker, batch)
        for call in batch:
            self.began[call.index] = (now, self.busy_s - before)


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
    began: dict[int, tuple[float, float]] = {}
    for replica in replicas:
        replica.began = began
    front.connect(replicas)
    chosen: dict[int, int] = {}
    front.on_end = lambda now, call, end: chosen.__setitem__(call.index, call.replica)
    clock.run(times, front.arrive)
    clock.finish(1e9)
    overheads = rng.choice(model.service.overhead_s, len(times))
    records = [
        Record(
            request=0,
            intended_s=at_s,
            taken_s=at_s,
            sent_s=at_s,
            done_s=at_s + front.latency_s[index] + float(overheads[index]),
            outcome=Outcome.RIGHT if front.ends[index] == End.RIGHT else Outcome.LOST,
            status=200,
            cause="",
            replica=f"replica-{chosen[index]}",
            queue_s=began[index][0] - at_s,
            predict_s=round(began[index][1], 6),
        )
        for index, at_s in enumerate(times)
    ]
    folder.mkdir(parents=True)
    write_records(folder / "requests.csv", records)
    report = {
        "date": "2026-01-01",
        "kind": "emulated",
        "scenario": {
            "fleet": {"replicas": model.fleet.replicas, "workers": model.fleet.workers},
            "balancer": {"policy": model.balancing.policy},
            "load": {"kind": "open", "duration_s": duration_s, "timeout_s": 10.0},
            "payload": {"model": workload},
        },
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder
