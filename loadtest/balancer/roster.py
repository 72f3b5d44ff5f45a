"""Who may have a request now: probes, ejections, drains, panic and slow start put together."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.ejection import Ejector

FIRST_SHARE = 0.1
"""Of its turns, that a replica in slow start gets at the least."""

Tell = Callable[[str, str, float], None]
"""Is told (event, replica, time) whenever a replica's standing changes."""


@dataclass(slots=True)
class _Standing:
    ready: bool = False
    """By its probes, or by a request that did not reach it."""
    draining: bool = False
    was_out: bool = False
    """It was ready once, and then not: slow start is for those only, not for a new fleet."""
    back_s: float = -math.inf
    """Since when it is back."""


class Roster:
    """The standing of every replica: pure state.

    Args:
        config: replicas, ejection, panic threshold and slow start.
        random: thins out the turns of replicas in slow start.
        tell: is told of changes.
    """

    def __init__(
        self, config: BalancerConfig, random: Random, tell: Tell = lambda *_: None
    ) -> None:
        self._config = config
        self._random = random
        self._tell = tell
        self._names = tuple(replica.name for replica in config.replicas)
        self._standing = {name: _Standing() for name in self._names}
        self._ejector = Ejector(self._names, config.ejection) if config.ejection else None
        self._ejected: set[str] = set()

    def set_ready(self, replica: str, now_s: float, *, ready: bool) -> None:
        """Take note of what a probe says."""
        standing = self._standing[replica]
        if standing.ready == ready:
            return
        standing.ready = ready
        self._came_or_went(replica, now_s, back=ready)
        self._tell("ready" if ready else "not_ready", replica, now_s)

    def set_draining(self, replica: str, now_s: float, *, draining: bool) -> None:
        """Give a replica nothing new, or let it have requests again."""
        standing = self._standing[replica]
        if standing.draining == draining:
            return
        standing.draining = draining
        self._came_or_went(replica, now_s, back=not draining)
        self._tell("draining" if draining else "undrained", replica, now_s)

    def observe(self, replica: str, now_s: float, *, failed: bool) -> None:
        """Take note of how a request ended."""
        if self._ejector and self._ejector.observe(replica, now_s, failed=failed):
            self._ejected.add(replica)
            self._came_or_went(replica, now_s, back=False)
            self._tell("ejected", replica, now_s)

    def ready(self, now_s: float) -> list[str]:
        """Return who may have a request, slow start aside, in the order of the configuration."""
        self._end_ejections(now_s)
        present = [name for name in self._names if not self._standing[name].draining]
        good = [n for n in present if self._standing[n].ready and n not in self._ejected]
        if len(good) < self._config.panic_share * len(present):
            # Few are left, and they would break under everybody's load: better all, good or not.
            return present
        return good

    def candidates(self, now_s: float) -> list[str]:
        """Return who may have the next request; who is in slow start is in only now and then."""
        ready = self.ready(now_s)
        if self._config.slow_start_s <= 0:
            return ready
        return [name for name in ready if self._random.random() < self.share(name, now_s)] or ready

    def share(self, replica: str, now_s: float) -> float:
        """Return the share of its turns that a replica gets: 1, or less in slow start."""
        window_s = self._config.slow_start_s
        if window_s <= 0:
            return 1.0
        return min(1.0, max(FIRST_SHARE, (now_s - self._standing[replica].back_s) / window_s))

    def _came_or_went(self, replica: str, now_s: float, *, back: bool) -> None:
        standing = self._standing[replica]
        if not back:
            standing.was_out = True
        elif standing.was_out:
            standing.back_s = now_s

    def _end_ejections(self, now_s: float) -> None:
        if not self._ejected or self._ejector is None:
            return
        for replica in sorted(self._ejected):
            if not self._ejector.ejected(replica, now_s):
                self._ejected.discard(replica)
                self._came_or_went(replica, now_s, back=True)
                self._tell("returned", replica, now_s)
