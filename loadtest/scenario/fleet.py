"""The replicas of a scenario: real processes, or emulated ones."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from loadtest.scenario.base import Frozen

Cores = tuple[int, ...]


class Emulated(Frozen):
    """Replicas that sleep instead of predicting, and answer from the table of right answers.

    A batch of n rows takes base_s + row_s * n, times a random factor of mean 1; or a time drawn
    from a table of measured ones. Each replica has the fleet's number of workers, and batches
    while all of them are busy, as the service does.
    """

    base_s: float = Field(default=0.0, ge=0)
    row_s: float = Field(default=0.001, ge=0)
    law: Literal["constant", "exponential", "lognormal"] = "constant"
    cv: float = Field(default=0.5, gt=0, le=10)
    """Coefficient of variation of the lognormal factor."""
    table: Path | None = None
    """Measured times instead of the law: a CSV file with the columns rows and seconds, one batch a
    line, or the requests.csv of a run (scenarios/calibrate-iris.toml makes one). Between two sizes
    that were measured, times are interpolated."""
    max_batch_rows: int = Field(default=64, ge=1)
    max_queue: int = Field(default=1024, ge=0)
    """Requests that wait in a replica; one more is answered 503."""
    seed: int = 0
    replicas_per_process: int = Field(default=1, ge=1, le=1000)
    """One lets faults stop and kill each replica by itself; many save memory."""


class Fleet(Frozen):
    """The replicas, all alike."""

    replicas: int = Field(default=2, ge=1, le=1000)
    workers: int = Field(default=1, ge=1, le=256)
    """Worker processes a replica."""
    store: Path = Path("store")
    ready_timeout_s: float = Field(default=60.0, gt=0)
    """How long a replica may take until it is ready."""
    stop_timeout_s: float = Field(default=15.0, gt=0)
    """How long a replica may take to drain before it is killed."""
    emulated: Emulated | None = None
    """None: real replicas, `python -m service`."""
    cores: tuple[Cores, ...] = ()
    """Cores of each replica, such as [[0, 1], [2, 3]]; replica i takes entry i modulo their
    number. Empty: not pinned."""
    balancer_cores: Cores = ()
    generator_cores: Cores = ()

    @model_validator(mode="after")
    def _real_replicas_are_few(self) -> Self:
        if self.emulated is None and self.replicas > 64:
            raise ValueError(f"{self.replicas} real replicas are too many; 64 is the most")
        if any(not cores for cores in self.cores):
            raise ValueError("an entry of cores is empty")
        return self

    @property
    def kind(self) -> Literal["real", "emulated"]:
        """Say what every figure must be labelled with."""
        return "real" if self.emulated is None else "emulated"

    def cores_of(self, replica: int) -> Cores:
        """Return the cores that a replica is pinned to; empty: to none."""
        return self.cores[replica % len(self.cores)] if self.cores else ()
