"""The replicas of a scenario."""

from pathlib import Path

from pydantic import Field

from loadtest.scenario.base import Frozen


class Fleet(Frozen):
    """The replicas: real processes, all alike."""

    replicas: int = Field(default=2, ge=1, le=64)
    workers: int = Field(default=1, ge=1, le=256)
    """Worker processes a replica."""
    store: Path = Path("store")
    ready_timeout_s: float = Field(default=60.0, gt=0)
    """How long a replica may take until it is ready."""
    stop_timeout_s: float = Field(default=15.0, gt=0)
    """How long a replica may take to drain before it is killed."""
