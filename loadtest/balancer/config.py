"""What the balancer is told at its start, as JSON on one line of standard input."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from loadtest.balancer.budget import Retries
from loadtest.balancer.ejection import Ejection
from loadtest.balancer.policies import PolicyName, PolicySettings
from loadtest.http1 import Address


class Probes(BaseModel):
    """How the balancer asks replicas whether they are ready."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval_s: float = Field(default=0.5, gt=0)
    timeout_s: float = Field(default=1.0, gt=0)
    path: str = Field(default="/health/ready", pattern=r"^/[!-~]*$")
    fall: int = Field(default=2, ge=1)
    """Probes without an answer, one after the other, until a replica counts as not ready."""
    rise: int = Field(default=1, ge=1)
    """Good probes, one after the other, until it counts as ready again."""


class Replica(BaseModel):
    """One replica to balance over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    """Goes into a header of every answer."""
    host: str
    port: int

    @property
    def address(self) -> Address:
        return Address(self.host, self.port)


class Balance(BaseModel):
    """How requests are spread: everything that a scenario may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: PolicyName = "least_outstanding"
    policy_settings: PolicySettings = PolicySettings()
    seed: int = 0
    """Of the choice between replicas that are equally good."""
    answer_timeout_s: float = Field(default=60.0, gt=0)
    """How long the balancer waits for a replica's answer before it answers 504."""
    probes: Probes = Probes()
    ejection: Ejection | None = None
    """None: requests that fail eject nobody."""
    retries: Retries | None = None
    """None: a request is asked once, and its end is the client's."""
    hedge_after_s: float | None = Field(default=None, gt=0)
    """A request without an answer for this long is asked of another replica as well, within
    the budget of retries; None: never."""
    panic_share: float = Field(default=0.0, ge=0, le=1)
    """With fewer of the replicas good than this, all get requests; 0: never."""
    slow_start_s: float = Field(default=0.0, ge=0)
    """A replica that comes back gets its full share after this long."""
    replica_limit: int = Field(default=2048, ge=1)
    """Requests outstanding on a replica; beyond it they wait in the balancer, or are refused."""
    queue: int = Field(default=0, ge=0, le=100_000)
    """How many requests may wait in the balancer for a replica below its limit."""
    queue_timeout_s: float = Field(default=5.0, gt=0)
    """How long one may wait there before it is answered 503."""
    split_rows: int = Field(default=0, ge=0)
    """A request of at least twice as many instances is cut into parts of at least this many, one a
    ready replica, and the answers put together; 0: never."""
    stream_above_bytes: int = Field(default=1 << 20, ge=1024)
    """A body larger than this is passed on as it comes, never held whole; its request is asked
    once."""


class BalancerConfig(Balance):
    """Everything that the balancer depends on."""

    replicas: tuple[Replica, ...] = Field(min_length=1)
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port; the balancer says which."""
    events: Path | None = None
    """A file that gets a line of JSON whenever a replica's standing changes, and the sums."""
    max_body_bytes: int = 256 << 20
    connect_timeout_s: float = 2.0
    upstream_idle_s: float = 2.0
    """An upstream connection idle for longer is not used again: servers close idle connections
    after five seconds or so, and a request sent into that moment is lost."""
    client_idle_s: float = 75.0
    """A client that neither asks nor waits for this long is hung up on."""
