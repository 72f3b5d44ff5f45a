"""Policies that do not look at the load: random, round robin, smooth weighted round robin."""

from collections.abc import Mapping, Sequence
from random import Random

from loadtest.balancer.policies.base import Policy


class RandomChoice(Policy):
    """Any candidate, each as likely as the others."""

    def __init__(self, replicas: Sequence[str], random: Random) -> None:
        super().__init__(replicas)
        self._random = random

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        return self._random.choice(candidates)


class RoundRobin(Policy):
    """Each candidate in turn, in the order in which the replicas were named."""

    def __init__(self, replicas: Sequence[str]) -> None:
        super().__init__(replicas)
        self._next = 0

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        # The turn is a place among all replicas: one that comes or goes does not move the others'.
        count = len(self._replicas)
        for step in range(count):
            place = (self._next + step) % count
            if self._replicas[place] in candidates:
                self._next = (place + 1) % count
                return self._replicas[place]
        raise ValueError(f"no replica is called {', '.join(candidates)}")


class SmoothWeightedRoundRobin(Policy):
    """nginx's smooth weighted round robin: turns by weight, spread instead of in bursts.

    Every candidate gains its weight, the richest one is chosen and pays what all gained together.
    Weights 5, 1, 1 give a a b a c a a.

    Args:
        replicas: all replicas.
        weights: of each replica; one that is not named weighs 1.

    Raises:
        ValueError: a weight is not above 0, or names nobody.
    """

    def __init__(self, replicas: Sequence[str], weights: Mapping[str, float]) -> None:
        super().__init__(replicas)
        if unknown := sorted(set(weights) - set(replicas)):
            raise ValueError(f"weights name {', '.join(unknown)}, and no replica is called so")
        if min(weights.values(), default=1.0) <= 0:
            raise ValueError("weights are above 0")
        self._weights = {replica: weights.get(replica, 1.0) for replica in replicas}
        self._current = dict.fromkeys(replicas, 0.0)

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        for each in candidates:
            self._current[each] += self._weights[each]
        best = max(candidates, key=self._current.__getitem__)
        self._current[best] -= sum(self._weights[each] for each in candidates)
        return best
