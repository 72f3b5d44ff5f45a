"""Policies that look at requests outstanding: the least of all, of some, or none at all."""

from collections.abc import Sequence
from random import Random

from loadtest.balancer.policies.base import Policy


class LeastOutstanding(Policy):
    """The candidate with the fewest requests outstanding; ties are broken at random.

    Args:
        replicas: all replicas.
        random: breaks the ties; seeded by the caller.
    """

    def __init__(self, replicas: Sequence[str], random: Random) -> None:
        super().__init__(replicas)
        self._random = random

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        least = min(self._outstanding[each] for each in candidates)
        # A fixed order among ties would give the first replica all the traffic of a calm day.
        return self._random.choice([e for e in candidates if self._outstanding[e] == least])


class PowerOfChoices(Policy):
    """The one with the fewest outstanding of `choices` candidates drawn at random.

    Drawn with replacement, as gRPC and Envoy do, a replica that always looks idle gets at most
    2/N - 1/N² of the traffic with two choices; without replacement 2/N.

    Args:
        replicas: all replicas.
        random: draws; seeded by the caller.
        choices: how many are drawn.
        replacement: whether the same one may be drawn twice.

    Raises:
        ValueError: there are no choices.
    """

    def __init__(
        self, replicas: Sequence[str], random: Random, choices: int = 2, *, replacement: bool = True
    ) -> None:
        super().__init__(replicas)
        if choices < 1:
            raise ValueError("there must be a choice")
        self._random = random
        self._choices = choices
        self._replacement = replacement

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        # The first of those that tie; the drawing is in random order, so no replica is preferred.
        return min(self._drawn(candidates), key=self._outstanding.__getitem__)

    def _drawn(self, candidates: Sequence[str]) -> list[str]:
        if self._replacement:
            return self._random.choices(candidates, k=self._choices)
        return self._random.sample(candidates, min(self._choices, len(candidates)))


class JoinIdleQueue(Policy):
    """The candidate idle for longest, or any one if none is idle (Lu et al., 2011).

    With one dispatcher the queue of idle replicas is exact.
    """

    def __init__(self, replicas: Sequence[str], random: Random) -> None:
        super().__init__(replicas)
        self._random = random
        # A dictionary for its order; whoever is idle from the start stands in random order.
        self._idle = dict.fromkeys(random.sample(self._replicas, len(self._replicas)))

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        idle = next((each for each in self._idle if each in candidates), None)
        if idle is None:
            return self._random.choice(candidates)
        del self._idle[idle]
        return idle

    def _ended(self, replica: str, now_s: float, latency_s: float | None) -> None:
        if self._outstanding[replica] == 0:
            self._idle[replica] = None
