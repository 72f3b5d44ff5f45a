"""What one balancer knows of the replicas: who may be chosen, and who has how much to do."""

from dataclasses import dataclass
from random import Random
from typing import Final

NOBODY: Final = -1
PROBED: Final = "probed"
EJECTED: Final = "ejected"
DRAINED: Final = "drained"
_AVOIDED: Final = "avoided"
_STARTING: Final = "starting"
_BAD: Final = frozenset({PROBED, EJECTED})
"""What panic looks away from: a drained replica is left alone all the same."""
FIRST_SHARE: Final = 0.1
"""Of its turns, that a replica in slow start gets at the least."""


@dataclass(frozen=True)
class Standing:
    """How a balancer treats those that are not well, or not yet."""

    panic_share: float = 0.0
    """With fewer of the replicas good than this, all get calls; 0: never."""
    slow_start_s: float = 0.0
    """A replica that comes back gets its full share after this long."""


class View:
    """State that every policy has; a subclass only chooses.

    A replica can be blocked for several reasons at once; it is ready when none is left, or when so
    few are that the balancer panics.

    Args:
        count: replicas, all ready at first.
        random: seeded by the caller.
    """

    __slots__ = (
        "_blocked", "_panics", "_place", "_random", "_reasons", "count", "failures", "outstanding",
        "ready", "standing", "starting",
    )  # fmt: skip

    def __init__(self, count: int, random: Random) -> None:
        self.count = count
        self._random = random.random
        self.standing = Standing()
        self.outstanding = [0] * count
        """By replica: of this balancer's calls only."""
        self.failures = [0] * count
        """By replica: failed calls, one after the other."""
        self.ready = list(range(count))
        """In no particular order."""
        self.starting: dict[int, float] = {}
        """Replica in slow start → since when it is back."""
        self._place = list(range(count))
        self._reasons: list[set[str]] = [set() for _ in range(count)]
        self._blocked = [False] * count
        """By replica: it is not among `ready`."""
        self._panics = False

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        raise NotImplementedError

    def choose_other(self, now: float, avoided: int) -> int:
        """Return a ready replica that is not the one to avoid, unless there is no other."""
        if self._blocked[avoided] or len(self.ready) < 2:
            return self.choose_warily(now)
        self.block(avoided, _AVOIDED)
        chosen = self.choose_warily(now)
        self.unblock(avoided, _AVOIDED)
        return chosen

    def choose_warily(self, now: float) -> int:
        """Choose among those of the ready that slow start lets have this turn."""
        if not self.starting:
            return self.choose(now)
        left_out = [each for each in list(self.starting) if self._sits_out(each, now)]
        if len(left_out) == len(self.ready):
            return self.choose(now)
        for each in left_out:
            self.block(each, _STARTING)
        chosen = self.choose(now)
        for each in left_out:
            self.unblock(each, _STARTING)
        return chosen

    def add(self, replica: int) -> None:
        """Count a call as outstanding there."""
        self.outstanding[replica] += 1

    def remove(self, replica: int, now: float, took_s: float) -> None:
        """Take note that a call has ended, whichever way, and how long it took."""
        del now, took_s
        self.outstanding[replica] -= 1

    def is_ready(self, replica: int) -> bool:
        """Return whether nothing speaks against the replica."""
        return not self._reasons[replica]

    def block(self, replica: int, reason: str) -> None:
        """Choose this replica no more."""
        self._reasons[replica].add(reason)
        self._review(replica, reason)

    def unblock(self, replica: int, reason: str) -> None:
        """Take a reason back; the replica is ready again if it was the last one."""
        self._reasons[replica].discard(reason)
        self._review(replica, reason)

    def readmit(self, replica: int, reason: str, now: float) -> None:
        """Take a reason back as `unblock` does; who is ready by it starts slowly."""
        if reason in self._reasons[replica]:
            self.unblock(replica, reason)
            if self.standing.slow_start_s > 0 and self.is_ready(replica):
                self.starting[replica] = now

    def _sits_out(self, replica: int, now: float) -> bool:
        share = (now - self.starting[replica]) / self.standing.slow_start_s
        if share >= 1:
            del self.starting[replica]
            return False
        return not self._blocked[replica] and self._random() >= max(FIRST_SHARE, share)

    def _review(self, replica: int, reason: str) -> None:
        if self.standing.panic_share > 0 and (reason in _BAD or reason == DRAINED):
            panics = self._must_panic()
            if panics != self._panics:
                self._panics = panics
                for each in range(self.count):
                    self._settle(each)
                return
        self._settle(replica)

    def _must_panic(self) -> bool:
        present = [reasons for reasons in self._reasons if DRAINED not in reasons]
        good = sum(not reasons & _BAD for reasons in present)
        return good < self.standing.panic_share * len(present)

    def _settle(self, replica: int) -> None:
        """Let a replica be among the ready, or not, as its reasons say."""
        reasons = self._reasons[replica]
        out = bool(reasons - _BAD) if self._panics else bool(reasons)
        if out == self._blocked[replica]:
            return
        self._blocked[replica] = out
        if out:
            last = self.ready.pop()
            if last != replica:
                place = self._place[replica]
                self.ready[place] = last
                self._place[last] = place
            self._left(replica)
        else:
            self._place[replica] = len(self.ready)
            self.ready.append(replica)
            self._came(replica)

    def _left(self, replica: int) -> None:
        """A replica is not ready any more."""

    def _came(self, replica: int) -> None:
        """A replica is ready again."""
