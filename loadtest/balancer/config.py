"""What the balancer is told at its start, as JSON on one line of standard input."""

from pydantic import BaseModel, ConfigDict, Field

from loadtest.balancer.policy import PolicyName
from loadtest.http1 import Address


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


class BalancerConfig(BaseModel):
    """Everything that the balancer depends on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicas: tuple[Replica, ...] = Field(min_length=1)
    policy: PolicyName = "least_outstanding"
    seed: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port; the balancer says which."""
    max_outstanding: int = 2048
    """A replica with this many requests outstanding is full; the request is answered 503."""
    max_body_bytes: int = 256 << 20
    connect_timeout_s: float = 2.0
    answer_timeout_s: float = 60.0
    upstream_idle_s: float = 2.0
    """An upstream connection idle for longer is not used again: servers close idle connections
    after five seconds or so, and a request sent into that moment is lost."""
    client_idle_s: float = 75.0
    """A client that neither asks nor waits for this long is hung up on."""
    probe_interval_s: float = 0.5
    probe_timeout_s: float = 1.0
    probe_path: str = "/health/ready"
