"""Which replica gets the next request: plain state, no clock, no socket, no event loop.

`select` chooses and counts in one step, so that two requests can never be given the same idle
replica by mistake; every `select` that names a replica is followed by one `outcome`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Literal

PolicyName = Literal["round_robin", "least_outstanding"]


@dataclass(frozen=True)
class Snapshot:
    """The state of a policy at one moment."""

    ready: tuple[str, ...]
    outstanding: Mapping[str, int]
    selected: Mapping[str, int]
    """How often each replica was chosen, ever."""


class Policy:
    """State that every policy has; a subclass only chooses.

    Args:
        replicas: all replicas, ready or not; none is ready at first.

    Raises:
        ValueError: a name comes twice, or there is none.
    """

    def __init__(self, replicas: Sequence[str]) -> None:
        if not replicas or len(set(replicas)) != len(replicas):
            raise ValueError("replicas need names, each its own")
        self._replicas = tuple(replicas)
        self._ready: tuple[str, ...] = ()
        self._outstanding = dict.fromkeys(replicas, 0)
        self._selected = dict.fromkeys(replicas, 0)

    def set_ready(self, replica: str, *, ready: bool) -> None:
        """Let a replica have requests, or none any more; its outstanding ones still count."""
        self._outstanding[replica]  # a name that nobody knows is a KeyError
        wanted = {*self._ready, replica} if ready else {*self._ready} - {replica}
        self._ready = tuple(each for each in self._replicas if each in wanted)

    def select(self) -> str | None:
        """Choose a ready replica and count the request as outstanding there; None if none is."""
        if not self._ready:
            return None
        replica = self._choose()
        self._outstanding[replica] += 1
        self._selected[replica] += 1
        return replica

    def outcome(self, replica: str) -> None:
        """Take note that a selected request has ended, whichever way.

        Raises:
            ValueError: no request is outstanding there.
        """
        if self._outstanding[replica] == 0:
            raise ValueError(f"nothing is outstanding on {replica}")
        self._outstanding[replica] -= 1

    def outstanding(self, replica: str) -> int:
        """Return how many requests are outstanding on a replica."""
        return self._outstanding[replica]

    def snapshot(self) -> Snapshot:
        """Return a frozen copy of the state."""
        return Snapshot(
            self._ready,
            MappingProxyType(dict(self._outstanding)),
            MappingProxyType(dict(self._selected)),
        )

    def _choose(self) -> str:
        raise NotImplementedError


class RoundRobin(Policy):
    """Each ready replica in turn, in the order in which they were named."""

    def __init__(self, replicas: Sequence[str]) -> None:
        super().__init__(replicas)
        self._next = 0

    def _choose(self) -> str:
        # The turn is a place among all replicas: one that comes or goes does not move the others'.
        count = len(self._replicas)
        for step in range(count):
            place = (self._next + step) % count
            if self._replicas[place] in self._ready:
                self._next = (place + 1) % count
                return self._replicas[place]
        raise RuntimeError("a replica is ready that is none")


class LeastOutstanding(Policy):
    """The ready replica with the fewest requests outstanding; ties are broken at random.

    Args:
        replicas: all replicas.
        random: breaks the ties; seeded by the caller.
    """

    def __init__(self, replicas: Sequence[str], random: Random) -> None:
        super().__init__(replicas)
        self._random = random

    def _choose(self) -> str:
        least = min(self._outstanding[replica] for replica in self._ready)
        # A fixed order among ties would give the first replica all the traffic of a calm day.
        return self._random.choice(
            [replica for replica in self._ready if self._outstanding[replica] == least]
        )


def make_policy(name: PolicyName, replicas: Sequence[str], seed: int) -> Policy:
    """Return a new policy by its name in a scenario."""
    match name:
        case "round_robin":
            return RoundRobin(replicas)
        case "least_outstanding":
            return LeastOutstanding(replicas, Random(seed))  # noqa: S311 - reproducible, not secret
