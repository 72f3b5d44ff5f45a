"""What a simulation depends on, as it stands in a file."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from loadtest.balancer.budget import Retries
from loadtest.balancer.ejection import Ejection
from loadtest.scenario.base import Frozen
from loadtest.simulator.laws import Law
from loadtest.simulator.rules import Rules

Policy = Literal[
    "random", "round_robin", "weighted_round_robin", "least_outstanding", "power_of_choices",
    "join_idle_queue", "peak_ewma", "utilisation", "central_queue",
]  # fmt: skip
FaultKind = Literal[
    "kill", "kill_worker", "stop", "slow", "slow_worker", "fail_fast", "network", "rolling_restart",
    "lose_zone", "swap_version", "memory_pressure", "cpu_hog", "disk_full",
]  # fmt: skip


class Service(Frozen):
    """What one replica does: its workers' times, and whom it lets in."""

    batch_s: tuple[float, ...] = Field(default=(1.0,), min_length=1)
    """Seconds of a batch of 1, 2, 3 … calls; of a mix of sizes: of 1, 2, 3 … rows. As many as there
    are is the most in a batch, unless `max_batch` says otherwise."""
    max_batch: int | None = Field(default=None, ge=1)
    """Of a mix: rows of calls that travel together; a call of more travels alone."""
    law: Law = Law(kind="exponential")
    slowdown: tuple[float, ...] = Field(default=(1.0,), min_length=1)
    """Factor on the time while 1, 2, 3 … workers of the machine are busy; the last holds beyond."""
    max_waiting: int | None = Field(default=None, ge=0)
    """The next call that would have to wait is refused."""
    overhead_s: tuple[float, ...] = Field(default=(0.0,), min_length=1)
    """Of balancer, network and protocol: one of these, drawn for each answer, whatever the load."""

    @property
    def most(self) -> int:
        """Return how many rows of a mix travel together."""
        return self.max_batch or len(self.batch_s)

    def times_s(self, rows: int) -> tuple[float, ...]:
        """Return the times of batches, up to so many rows at the least: beyond `batch_s` a line."""
        known = self.batch_s
        each_s = (known[-1] - known[0]) / (len(known) - 1) if len(known) > 1 else known[0]
        beyond = range(1, rows - len(known) + 1)
        return (*known, *(known[-1] + each_s * number for number in beyond))


class Fleet(Frozen):
    """The replicas, all alike."""

    replicas: int = Field(ge=1, le=100_000)
    workers: int = Field(default=1, ge=1, le=256)
    zones: int = Field(default=1, ge=1)
    """Replica i stands in zone i modulo this."""
    machines: int | None = Field(default=None, ge=1)
    """Replica i runs on machine i modulo this; None: each on one of its own."""


class Health(Frozen):
    """Active probes; each balancer has its own, and they begin at random."""

    interval_s: float = Field(default=0.5, gt=0)
    timeout_s: float = Field(default=1.0, gt=0)
    fall: int = Field(default=2, ge=1)
    rise: int = Field(default=1, ge=1)


class Balancing(Frozen):
    """What stands in front."""

    policy: Policy = "least_outstanding"
    balancers: int = Field(default=1, ge=1, le=10_000)
    """Each knows of its own calls only."""
    choices: int = Field(default=2, ge=1, le=64)
    replacement: bool = True
    """Whether power_of_choices may draw a replica twice."""
    decay_s: float = Field(default=10.0, gt=0)
    """Of peak_ewma."""
    weights: tuple[float, ...] = ()
    """Of weighted_round_robin: one a replica; none: all alike."""
    report_s: float = Field(default=1.0, gt=0)
    """Of utilisation: so often replicas report."""
    limit: int | None = Field(default=None, ge=1)
    """Of central_queue: calls outstanding at a replica; by default its workers times its batch."""
    timeout_s: float | None = Field(default=None, gt=0)
    answer_timeout_s: float | None = Field(default=None, gt=0)
    tries: int = Field(default=1, ge=1, le=200)
    retry_refused: bool = False
    hedge_s: float | None = Field(default=None, gt=0)
    budget: Retries | None = None
    """Bounds retries and hedges together, as in the real balancer; None: nothing does."""
    ejection: Ejection | None = None
    health: Health | None = Health()
    panic_share: float = Field(default=0.0, ge=0, le=1)
    """With fewer of the replicas good than this, all get calls; 0: never."""
    slow_start_s: float = Field(default=0.0, ge=0)
    """A replica that comes back gets its full share after this long."""

    def rules(self, limit: int) -> Rules:
        """Return what the front tier acts by."""
        return Rules(
            timeout_s=math.inf if self.timeout_s is None else self.timeout_s,
            answer_timeout_s=math.inf if self.answer_timeout_s is None else self.answer_timeout_s,
            tries=self.tries,
            retry_refused=self.retry_refused,
            hedge_s=math.inf if self.hedge_s is None else self.hedge_s,
            budget=self.budget,
            limit=(self.limit or limit) if self.policy == "central_queue" else None,
        )


class Fault(Frozen):
    """Something that goes wrong, and for how long.

    What computes beside the replicas (swap_version, memory_pressure, cpu_hog) makes all of them
    slower by `factor`: measure it. disk_full changes nothing: predicting writes no file.
    """

    kind: FaultKind
    at_s: float = Field(default=0.0, ge=0)
    for_s: float | None = Field(default=None, gt=0)
    """None: for good. Of a rolling restart: how long each replica is away."""
    replicas: tuple[int, ...] = (0,)
    zone: int = Field(default=0, ge=0)
    worker: int = Field(default=0, ge=0)
    factor: float = Field(default=4.0, gt=0)
    """On the time of batches that start meanwhile."""
    delay_s: float = Field(default=0.0, ge=0)
    """Of network: to the replica and back, each."""
    loss: float = Field(default=0.0, ge=0, lt=1)
    """Of network: share of requests, and of answers, that come a retransmission (0.2 s) later."""
    within_s: float = Field(default=0.001, ge=0)
    """Of fail_fast: until the error."""
    drain_s: float = Field(default=5.0, ge=0)
    """Of a rolling restart: between the last request and the end."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.kind == "rolling_restart" and self.for_s is None:
            raise ValueError("a rolling restart needs for_s, how long each replica is away")
        if self.kind == "kill_worker" and self.for_s is None:
            raise ValueError("kill_worker needs for_s, how long until the next worker is there")
        return self


class Model(Frozen):
    """One fleet, whole."""

    fleet: Fleet
    service: Service = Service()
    balancing: Balancing = Balancing()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        count = self.fleet.replicas
        weights = self.balancing.weights
        if weights and (len(weights) != count or min(weights) <= 0):
            raise ValueError(f"balancing.weights must be {count} numbers above zero")
        for fault in self.faults:
            unknown = [each for each in fault.replicas if not 0 <= each < count]
            if unknown:
                raise ValueError(f"a fault names replica {unknown[0]}; there are {count}, from 0")
            if fault.worker >= self.fleet.workers:
                raise ValueError(f"a fault names worker {fault.worker}; the first is 0")
        return self
