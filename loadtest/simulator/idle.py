"""Join the idle queue: a replica tells one balancer when it has nothing to do.

Source: Y. Lu et al., "Join-Idle-Queue: a novel load balancing algorithm for dynamically scalable
web services", 2011. Idle is a replica without a single call, as in the real balancer.
"""

from collections import deque
from random import Random

from loadtest.simulator.view import NOBODY, View


class Joined:
    """Which replicas stand in some balancer's queue: none stands in two."""

    __slots__ = ("stands",)

    def __init__(self, count: int) -> None:
        self.stands = [False] * count


class JoinIdleQueue(View):
    """The replica that has been waiting longest in this balancer's queue; else any ready one.

    Args:
        joined: shared by all balancers.
    """

    __slots__ = ("_idle", "_joined")

    def __init__(self, count: int, random: Random, joined: Joined) -> None:
        super().__init__(count, random)
        self._joined = joined
        self._idle: deque[int] = deque()

    def join(self, replica: int) -> None:
        """Let an idle replica into the queue, unless it stands in one."""
        if not self._joined.stands[replica]:
            self._joined.stands[replica] = True
            self._idle.append(replica)

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        while self._idle:
            replica = self._idle.popleft()
            self._joined.stands[replica] = False
            if not self._blocked[replica]:
                return replica
        ready = self.ready
        return ready[int(self._random() * len(ready))] if ready else NOBODY
