"""A simulated fleet, put together: replicas, the front before them, and what acts beside them."""

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from loadtest.simulator.clock import Clock
from loadtest.simulator.ejection import Ejector
from loadtest.simulator.faults import Chaos
from loadtest.simulator.front import Front
from loadtest.simulator.idle import JoinIdleQueue
from loadtest.simulator.mixed import Mix, MixedReplica
from loadtest.simulator.policies import make_views
from loadtest.simulator.replica import Machine, Replica, Shape
from loadtest.simulator.reports import Reports
from loadtest.simulator.settings import Model
from loadtest.simulator.view import View
from loadtest.simulator.weighted import ReportedWeights


@dataclass(frozen=True)
class Requests:
    """What comes to a fleet."""

    arrivals_s: Sequence[float]
    """Whoever fills them in later does so before each request comes."""
    sizes: Sequence[float]
    """How much longer than usual each takes; of mean 1."""
    rows: Sequence[int] | None
    """Of each; None: all are alike, and a batch goes by requests."""
    goes_on: Callable[[float], bool]
    """Whether requests still come at a time."""


@dataclass(frozen=True)
class Stage:
    """Everything but the requests' comings."""

    clock: Clock
    front: Front
    replicas: Sequence[Replica]

    def run(
        self, arrivals_s: Sequence[float] = (), arrive: Callable[[float, int], None] | None = None
    ) -> None:
        """Let happen all that is to come: these arrivals, if there are any, and the rest."""
        with _uncollected():
            self.clock.run(arrivals_s, arrive or self.front.arrive)
            self.clock.finish(math.inf)


def build_stage(
    model: Model,
    requests: Requests,
    seed: int,
    on_over: Callable[[float, int], None] | None = None,
) -> Stage:
    """Put a fleet together.

    Args:
        model: what it is.
        requests: what will come.
        seed: of the balancers' choices and the probes' beginnings.
        on_over: is told of each request's end; None: nobody needs to know.
    """
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    clock = Clock()
    rules = model.balancing.rules(model.fleet.workers * len(model.service.batch_s))
    views = make_views(model, random)
    front = Front(clock, views, rules, requests.arrivals_s, requests.sizes, random)
    if on_over is not None:
        front.tell_when_over(on_over)
    replicas = _replicas(model, clock, front, requests.rows)
    front.connect(replicas)
    _surround(model, clock, front, replicas, requests.goes_on, random)
    return Stage(clock, front, replicas)


@contextmanager
def _uncollected() -> Iterator[None]:
    # Nothing here refers to itself; the collector would walk every request again and again.
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _surround(
    model: Model,
    clock: Clock,
    front: Front,
    replicas: Sequence[Replica],
    goes_on: Callable[[float], bool],
    random: Random,
) -> None:
    """Put in place what acts beside requests: ejection, idle queues, reports, faults."""
    balancing, views = model.balancing, front.views
    if balancing.ejection is not None:
        front.on_end = Ejector(clock, balancing.ejection).observe
    _tell_of_idleness(replicas, views, random)
    _report(clock, replicas, views, balancing.report_s, goes_on)
    chaos = Chaos(clock, replicas, views, balancing.health, random)
    for fault in model.faults:
        chaos.plan(fault, model.fleet.zones)


def _replicas(
    model: Model, clock: Clock, front: Front, rows: Sequence[int] | None
) -> list[Replica]:
    service, count = model.service, model.fleet.replicas
    shape = Shape(
        workers=model.fleet.workers,
        batch_s=[0.0, *service.times_s(1 if rows is None else max(*rows, service.most))],
        slowdown=[1.0, *service.slowdown],
        max_waiting=1 << 60 if service.max_waiting is None else service.max_waiting,
    )
    machines = [Machine() for _ in range(min(model.fleet.machines or count, count))]
    places = [(number, machines[number % len(machines)]) for number in range(count)]
    if rows is None:
        return [Replica(number, clock, shape, front.answer, each) for number, each in places]
    mix = Mix(rows, service.most)
    return [MixedReplica(mix, number, clock, shape, front.answer, each) for number, each in places]


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
    goes_on: Callable[[float], bool],
) -> None:
    weighted = [view for view in views if isinstance(view, ReportedWeights)]
    if weighted:
        Reports(clock, replicas, weighted, every_s, goes_on).start()
