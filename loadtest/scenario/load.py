"""When requests come."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from loadtest.scenario.base import Frozen

MAX_REQUESTS = 5_000_000
"""Every request leaves a record in memory; a plan beyond this is a slip of the keyboard."""


class ClosedLoad(Frozen):
    """Every connection sends its next request when it has the answer to the last one."""

    kind: Literal["closed"] = "closed"
    connections: int = Field(ge=1, le=4096)
    duration_s: float = Field(gt=0, le=86_400)
    seed: int = 0
    """Of the order in which the requests are drawn."""
    timeout_s: float = Field(default=10.0, gt=0)
    """A request without an answer after this long is lost."""


class OpenLoad(Frozen):
    """Poisson arrivals that do not wait for answers."""

    kind: Literal["open"] = "open"
    rate_per_s: float = Field(gt=0)
    """Of the whole fleet, never of a connection or a replica."""
    duration_s: float = Field(gt=0, le=86_400)
    seed: int = 0
    """Of the arrival times and of the order in which the requests are drawn."""
    timeout_s: float = Field(default=10.0, gt=0)
    """A request without an answer this long after its intended start is lost."""
    max_connections: int = Field(default=1024, ge=1, le=16_384)
    """A request that finds this many outstanding waits, and its latency counts the wait."""

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        planned = self.rate_per_s * self.duration_s
        if planned > MAX_REQUESTS:
            raise ValueError(f"{planned:.0f} requests are planned; {MAX_REQUESTS} is the most")
        return self


Load = Annotated[ClosedLoad | OpenLoad, Field(discriminator="kind")]
