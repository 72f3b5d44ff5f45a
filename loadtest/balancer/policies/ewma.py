"""Peak EWMA: the expected wait from a moving average of latencies that believes peaks at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from loadtest.balancer.policies.base import Policy

UNKNOWN_COST = 1e9
"""Cost of a replica that has requests outstanding and never answered one: after all the others."""


@dataclass(slots=True)
class PeakEwma:
    """Latency of one replica: a peak is taken as it is, what is below it moves the average.

    The formulas are those of Finagle's PeakEwma: with w = exp(-dt / decay), a latency above the
    cost becomes the cost, any other makes it cost * w + latency * (1 - w). Reading lets it decay.
    """

    decay_s: float
    cost_s: float = 0.0
    stamp_s: float = 0.0

    def observe(self, latency_s: float, now_s: float) -> None:
        """Take note of a latency."""
        weight = math.exp(-max(now_s - self.stamp_s, 0.0) / self.decay_s)
        if latency_s > self.cost_s:
            self.cost_s = latency_s
        else:
            self.cost_s = self.cost_s * weight + latency_s * (1 - weight)
        self.stamp_s = now_s

    def load(self, outstanding: int, now_s: float) -> float:
        """Return what the next request would cost here."""
        self.observe(0.0, now_s)
        if self.cost_s == 0.0 and outstanding:
            return UNKNOWN_COST + outstanding
        return self.cost_s * (outstanding + 1)


class PeakEwmaChoice(Policy):
    """The cheaper by Peak EWMA of `choices` distinct candidates drawn at random.

    Args:
        replicas: all replicas.
        random: draws; seeded by the caller.
        choices: how many are drawn.
        decay_s: after this long without news a cost has fallen to 1/e.
    """

    def __init__(
        self, replicas: Sequence[str], random: Random, choices: int = 2, decay_s: float = 10.0
    ) -> None:
        super().__init__(replicas)
        self._random = random
        self._choices = choices
        self._costs = {replica: PeakEwma(decay_s) for replica in replicas}

    def cost(self, replica: str, now_s: float) -> float:
        """Return what the next request would cost on a replica, in seconds as a rule."""
        return self._costs[replica].load(self._outstanding[replica], now_s)

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        drawn = self._random.sample(candidates, min(self._choices, len(candidates)))
        return min(drawn, key=lambda each: self.cost(each, now_s))

    def _ended(self, replica: str, now_s: float, latency_s: float | None) -> None:
        if latency_s is not None:
            self._costs[replica].observe(latency_s, now_s)
