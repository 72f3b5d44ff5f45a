"""What a loader holds: versions, how each is computed, and why some that were asked for are not."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.inference.process import STANDBY, LoaderProcess
from service.inference.source import WorkerSource

Name = tuple[str, int]
"""A model's name and version."""


class PlanInUse(NamedTuple):
    """How a version is computed."""

    ranges: tuple[dict[str, Any], ...]
    """Of each range of batch sizes the `form`, and `up_to_rows`: the largest, None for the last."""
    reason: str
    """Why scikit-learn computes all; empty if there is a plan."""


@dataclass(slots=True)
class Loadout:
    """What a source holds."""

    source: WorkerSource
    numbers: dict[Name, int] = field(default_factory=dict)
    """Version → the loader's number for it."""
    refused: dict[Name, str] = field(default_factory=dict)
    """Version that was asked for → why it is not held."""
    tried: set[Name] = field(default_factory=set)
    """Versions whose golden rows came out right."""
    plans: dict[Name, PlanInUse] = field(default_factory=dict)
    """Version → how it is computed."""
    standby: LoaderProcess | None = None
    """Has the same versions, and does nothing: if the loader dies, the next is forked from it."""
    is_branch: bool = False
    """Whether another process holds a loader with the same versions: then it needs no standby."""

    def alive(self) -> LoaderProcess | None:
        """Return a process that can be forked and has these versions, if one is left."""
        for source in (self.source, self.standby):
            if isinstance(source, LoaderProcess) and source.is_alive and not source.is_stopped():
                return source
        return None

    async def stand_by(self, timeout_s: float) -> None:
        """Fork the standby; it shares all memory with the loader."""
        if isinstance(self.source, LoaderProcess) and not self.is_branch:
            self.standby = await self.source.branch(timeout_s, STANDBY)

    def fall_back(self, name: Name, reason: str) -> None:
        """Let scikit-learn compute a version in all workers that are made from now on."""
        if name in self.numbers:
            for source in (self.source, self.standby):
                if source is not None:
                    source.fall_back(self.numbers[name], reason)
            self.plans[name] = PlanInUse((), reason)

    async def stop(self, limit_s: float) -> None:
        """End all processes."""
        if self.standby is not None:
            await self.standby.stop(limit_s)
        await self.source.stop(limit_s)
