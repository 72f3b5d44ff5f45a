"""One simulation: the composition root.

arrivals ─▶ front (views choose) ─▶ replicas ─▶ front ─▶ latencies; faults and probes beside
"""

import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from loadtest.simulator.call import End
from loadtest.simulator.clock import Clock
from loadtest.simulator.ejection import Ejector
from loadtest.simulator.faults import Chaos
from loadtest.simulator.front import Front
from loadtest.simulator.idle import JoinIdleQueue
from loadtest.simulator.policies import make_views
from loadtest.simulator.replica import Machine, Replica, Shape
from loadtest.simulator.reports import Reports
from loadtest.simulator.settings import Model
from loadtest.simulator.view import View
from loadtest.simulator.weighted import ReportedWeights


@dataclass(frozen=True)
class Outcome:
    """What became of every request, in the order of their arrivals, and of every replica."""

    arrivals_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    """Infinite for those without a right answer."""
    ends: NDArray[np.uint8]
    """By `End`; OPEN: no answer ever came."""
    served: NDArray[np.int64]
    """By replica: calls that a worker took up."""
    batches: NDArray[np.int64]
    busy_s: NDArray[np.float64]
    calls: int
    """Attempts: more than requests where some were tried again."""
    last_s: float
    """When the last arrival came."""

    @property
    def right(self) -> int:
        """Requests answered right."""
        return int((self.ends == End.RIGHT).sum())


def simulate(
    model: Model, arrivals_s: NDArray[np.float64], sizes: NDArray[np.float64], seed: int
) -> Outcome:
    """Simulate a fleet.

    Two models given the same arrivals, sizes and seed meet the same load, request for request.

    Args:
        model: the fleet.
        arrivals_s: seconds, ascending, at least one.
        sizes: factor on the service time of each request, of mean 1.
        seed: of the balancers' choices and the probes' beginnings.

    Raises:
        ValueError: there is no arrival, or not a size for each.
    """
    if len(arrivals_s) == 0 or len(sizes) != len(arrivals_s):
        raise ValueError("a simulation needs arrivals, and a size for each")
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    clock = Clock()
    times: list[float] = arrivals_s.tolist()
    rules = model.balancing.rules(model.fleet.workers * len(model.service.batch_s))
    front = Front(clock, make_views(model, random), rules, times, sizes.tolist(), random)
    replicas = _replicas(model, clock, front)
    front.connect(replicas)
    _surround(model, clock, front, replicas, random)
    _run(clock, front, times)
    overheads_s = np.random.default_rng([seed, 3]).choice(model.service.overhead_s, len(times))
    return _outcome(arrivals_s, front, replicas, overheads_s)


def _surround(
    model: Model, clock: Clock, front: Front, replicas: Sequence[Replica], random: Random
) -> None:
    """Put in place what acts beside requests: ejection, idle queues, reports, faults."""
    balancing, views = model.balancing, front.views
    if balancing.ejection is not None:
        front.on_end = Ejector(clock, balancing.ejection).observe
    _tell_of_idleness(replicas, views, random)
    _report(clock, replicas, views, balancing.report_s, front.last_s)
    chaos = Chaos(clock, replicas, views, balancing.health, random)
    for fault in model.faults:
        chaos.plan(fault, model.fleet.zones)


def _run(clock: Clock, front: Front, times: Sequence[float]) -> None:
    # Nothing here refers to itself; the collector would walk every request again and again.
    collected = gc.isenabled()
    gc.disable()
    try:
        clock.run(times, front.arrive)
        clock.finish(math.inf)
    finally:
        if collected:
            gc.enable()


def _replicas(model: Model, clock: Clock, front: Front) -> list[Replica]:
    service, workers = model.service, model.fleet.workers
    shape = Shape(
        workers=workers,
        batch_s=[0.0, *service.batch_s],
        slowdown=[1.0, *service.slowdown],
        max_waiting=1 << 60 if service.max_waiting is None else service.max_waiting,
    )
    count = model.fleet.replicas
    machines = [Machine() for _ in range(min(model.fleet.machines or count, count))]
    return [
        Replica(number, clock, shape, front.answer, machines[number % len(machines)])
        for number in range(count)
    ]


def _tell_of_idleness(replicas: Sequence[Replica], views: Sequence[View], random: Random) -> None:
    """Join the idle queue: each idle replica is told to one balancer, drawn at random."""
    queues = [view for view in views if isinstance(view, JoinIdleQueue)]
    if not queues:
        return

    def idle(now: float, number: int) -> None:
        del now
        queues[int(random.random() * len(queues))].join(number)

    places = list(range(len(replicas)))
    random.shuffle(places)
    for number in places:
        idle(0.0, number)
    for replica in replicas:
        replica.idle = idle


def _report(
    clock: Clock,
    replicas: Sequence[Replica],
    views: Sequence[View],
    every_s: float,
    until_s: float,
) -> None:
    weighted = [view for view in views if isinstance(view, ReportedWeights)]
    if weighted:
        Reports(clock, replicas, weighted, every_s, until_s).start()


def _outcome(
    arrivals_s: NDArray[np.float64],
    front: Front,
    replicas: Sequence[Replica],
    overheads_s: NDArray[np.float64],
) -> Outcome:
    return Outcome(
        arrivals_s=arrivals_s,
        latency_s=np.array(front.latency_s) + overheads_s,
        ends=np.frombuffer(bytes(front.ends), dtype=np.uint8),
        served=np.array([replica.served for replica in replicas]),
        batches=np.array([replica.batches for replica in replicas]),
        busy_s=np.array([replica.busy_s for replica in replicas]),
        calls=front.calls,
        last_s=float(arrivals_s[-1]),
    )
