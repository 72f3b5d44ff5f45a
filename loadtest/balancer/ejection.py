"""Passive outlier ejection: a replica that keeps failing requests is left alone for a while."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Ejection(BaseModel):
    """When a replica is ejected, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    consecutive_failures: int = Field(default=5, ge=1)
    base_s: float = Field(default=5.0, gt=0)
    """The first ejection lasts this long, the n-th n times as long."""
    max_s: float = Field(default=60.0, gt=0)
    max_share: float = Field(default=0.5, ge=0, le=1)
    """Of all replicas that may be ejected at once; one always may."""


@dataclass(slots=True)
class _Standing:
    failures: int = 0
    """In a row."""
    ejections: int = 0
    until_s: float = -math.inf


class Ejector:
    """Judges replicas by what became of their requests: pure state.

    A replica comes back on trial when its time is over: its next end decides, for a replica that
    fails fast would otherwise fail as many requests at each return as at first (nginx tries a
    server with one request after fail_timeout, too). Each `base_s` that it then stays makes its
    next ejection shorter by one step, as Envoy has it.
    """

    def __init__(self, replicas: Sequence[str], settings: Ejection) -> None:
        self._settings = settings
        self._standing = {replica: _Standing() for replica in replicas}
        self._most = max(1, math.floor(settings.max_share * len(replicas)))

    def ejected(self, replica: str, now_s: float) -> bool:
        """Return whether a replica is left alone now."""
        return now_s < self._standing[replica].until_s

    def observe(self, replica: str, now_s: float, *, failed: bool) -> bool:
        """Take note of the end of a request and return whether it ejected the replica."""
        standing = self._standing[replica]
        if not failed:
            standing.failures = 0
            return False
        if self.ejected(replica, now_s):
            return False  # it was sent before, and says nothing that is not known
        standing.failures += 1
        if standing.failures < self._settings.consecutive_failures or self._enough_ejected(now_s):
            return False
        standing.failures = self._settings.consecutive_failures - 1
        standing.ejections = self._forgiven(standing, now_s) + 1
        length_s = min(self._settings.base_s * standing.ejections, self._settings.max_s)
        standing.until_s = now_s + length_s
        return True

    def _enough_ejected(self, now_s: float) -> bool:
        return sum(self.ejected(each, now_s) for each in self._standing) >= self._most

    def _forgiven(self, standing: _Standing, now_s: float) -> int:
        if standing.ejections == 0:
            return 0
        good_s = now_s - standing.until_s
        return max(0, standing.ejections - int(good_s / self._settings.base_s))
