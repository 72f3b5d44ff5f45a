"""What goes wrong during a run, and when."""

from typing import Annotated, Literal

from pydantic import Field

from loadtest.scenario.base import Frozen


class _Fault(Frozen):
    at_s: float = Field(ge=0)
    """From the start of the load."""


class _Lasting(_Fault):
    for_s: float = Field(gt=0)
    """After it the fault is taken back."""


class OnReplica(Frozen):
    """Hits one replica."""

    replica: int = Field(default=0, ge=0)
    """Its number, from 0."""


class KillReplica(_Fault, OnReplica):
    """SIGKILL to a replica and all its processes."""

    kind: Literal["kill_replica"] = "kill_replica"
    restart_after_s: float | None = Field(default=None, ge=0)
    """None: it stays away."""


class KillWorker(_Fault, OnReplica):
    """SIGKILL to one worker process of a replica."""

    kind: Literal["kill_worker"] = "kill_worker"
    worker: int = Field(default=0, ge=0)


class StopReplica(_Lasting, OnReplica):
    """SIGSTOP to a replica and all its processes, then SIGCONT: connections stay open."""

    kind: Literal["stop_replica"] = "stop_replica"


class SlowReplica(_Lasting, OnReplica):
    """Every answer of a replica comes later, by a proxy between the balancer and it."""

    kind: Literal["slow_replica"] = "slow_replica"
    delay_s: float = Field(gt=0, le=60)


class SlowWorker(_Lasting, OnReplica):
    """One worker process gets no more than a share of a core, by a control group."""

    kind: Literal["slow_worker"] = "slow_worker"
    worker: int = Field(default=0, ge=0)
    core_share: float = Field(default=0.1, ge=0.05, lt=1)


class CpuHog(_Lasting):
    """Processes that keep cores busy."""

    kind: Literal["cpu_hog"] = "cpu_hog"
    processes: int = Field(default=1, ge=1, le=64)
    cores: tuple[int, ...] = ()
    """Where they run; none: anywhere."""


class BlackHole(_Lasting, OnReplica):
    """A replica that fails every prediction at once, and says that it is well."""

    kind: Literal["black_hole"] = "black_hole"
    status: int = Field(default=503, ge=500, le=599)


class Network(_Lasting, OnReplica):
    """A bad network between the balancer and a replica, by a proxy between them.

    The proxy sees bytes and not packets: a lost piece is one that comes a retransmission later.
    """

    kind: Literal["network"] = "network"
    delay_s: float = Field(default=0.0, ge=0, le=60)
    jitter_s: float = Field(default=0.0, ge=0, le=60)
    """Added to the delay of each piece, uniform between 0 and this."""
    loss: float = Field(default=0.0, ge=0, lt=1)
    """Share of pieces that are lost once, and come again after 0.2 s."""
    blocked: bool = False
    """Nothing passes, and connections stay open."""


class RollingRestart(_Fault):
    """One replica after the other: drained, ended by SIGTERM, started anew, taken back."""

    kind: Literal["rolling_restart"] = "rolling_restart"
    pause_s: float = Field(default=0.5, ge=0)
    """Between one replica and the next."""


class SwapVersion(_Fault):
    """Publish the production version once more, as a new version, and promote it.

    The run has a store of its own, a copy of the scenario's.
    """

    kind: Literal["swap_version"] = "swap_version"


class DiskFull(_Lasting, OnReplica):
    """No file of a replica can grow, its log included: a file-size limit on its processes."""

    kind: Literal["disk_full"] = "disk_full"


class MemoryPressure(_Lasting):
    """A process that takes memory and touches all of it, again and again."""

    kind: Literal["memory_pressure"] = "memory_pressure"
    bytes: int = Field(gt=0)
    """Refused if that is more than half of what is free."""


FAULTS = (
    KillReplica,
    KillWorker,
    StopReplica,
    SlowReplica,
    SlowWorker,
    CpuHog,
    BlackHole,
    Network,
    RollingRestart,
    SwapVersion,
    DiskFull,
    MemoryPressure,
)
Fault = Annotated[
    KillReplica
    | KillWorker
    | StopReplica
    | SlowReplica
    | SlowWorker
    | CpuHog
    | BlackHole
    | Network
    | RollingRestart
    | SwapVersion
    | DiskFull
    | MemoryPressure,
    Field(discriminator="kind"),
]

REAL = (KillWorker, SlowWorker, SwapVersion)
"""Faults that only real replicas can have."""
SHIMMED = (SlowReplica, BlackHole, Network)
"""Faults that a proxy between balancer and replica makes."""


def fault_replica(fault: Fault) -> str:
    """Return the name of the replica that a fault hits; empty if it is not one alone."""
    return f"replica-{fault.replica}" if isinstance(fault, OnReplica) else ""
