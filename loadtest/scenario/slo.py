"""What was promised to users, and what CI holds a run to."""

from pydantic import Field

from loadtest.scenario.base import Frozen


class Slo(Frozen):
    """At most so many errors, and a percentile of latency under a limit."""

    p: float = Field(default=0.99, gt=0, lt=1)
    limit_s: float = Field(gt=0)
    """From the intended start."""
    max_error_share: float = Field(default=0.0, ge=0, lt=1)
    """Of refused and lost requests. A wrong answer is never allowed."""


class Thresholds(Frozen):
    """Limits of a run's figures; one broken makes the exit code 1."""

    max_p50_s: float | None = Field(default=None, gt=0)
    max_p90_s: float | None = Field(default=None, gt=0)
    max_p99_s: float | None = Field(default=None, gt=0)
    max_p999_s: float | None = Field(default=None, gt=0)
    min_throughput_per_s: float | None = Field(default=None, gt=0)
    min_goodput_per_s: float | None = Field(default=None, gt=0)
    """Needs an SLO."""
    max_refused_share: float | None = Field(default=None, ge=0, le=1)
    max_lost_share: float = Field(default=0.0, ge=0, le=1)
    """None may be lost unless the scenario says so, such as one with faults."""
