"""How often a scenario is run, and what is left out of each run's start."""

from typing import Literal

from pydantic import Field

from loadtest.scenario.base import Frozen


class Runs(Frozen):
    """Runs of one scenario. Replicas are started anew for each: one long run is no substitute."""

    count: int = Field(default=1, ge=1, le=100)
    """Five or more give an interval."""
    warm_up: Literal["none", "mser"] | float = "none"
    """Left out of the percentiles, never of the counts: nothing; what MSER-5 finds; or so many
    seconds. Only a load whose rate does not change, and without faults, may use mser: it would
    take a fault at the start for a warm-up."""
    answers_per_worker: int = Field(default=20, ge=0, le=10_000)
    """Before the load begins, every worker of every real replica answers about this many requests.
    0: not warmed."""
