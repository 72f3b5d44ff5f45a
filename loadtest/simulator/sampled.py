"""Policies that look at a few replicas only: the power of d choices, and peak EWMA."""

import math
from random import Random

from loadtest.simulator.view import NOBODY, View

PENALTY = 1e9
"""Score of a replica that has never answered and has calls outstanding already."""


class PowerOfChoices(View):
    """The one with the fewest calls outstanding, out of d ready replicas drawn at random.

    Source: M. Mitzenmacher, "The power of two choices in randomized load balancing", 2001. With
    replacement, as gRPC and Envoy draw: a replica that hangs is never wholly shut out, nor one
    that always looks idle given more than 2/N - 1/N^2.

    Args:
        choices: d.
        replacement: whether the same one may be drawn twice.
    """

    __slots__ = ("_choices", "_replacement")

    def __init__(
        self, count: int, random: Random, choices: int = 2, *, replacement: bool = True
    ) -> None:
        super().__init__(count, random)
        self._choices = choices
        self._replacement = replacement

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        ready, random = self.ready, self._random
        count = len(ready)
        if count < 2:
            return ready[0] if ready else NOBODY
        if not self._replacement:
            return self._choose_distinct(count)
        outstanding = self.outstanding
        best = ready[int(random() * count)]
        least = outstanding[best]
        for _ in range(self._choices - 1):
            other = ready[int(random() * count)]
            held = outstanding[other]
            # The draw is random already, so the first of equals may stay.
            if held < least:
                best, least = other, held
        return best

    def _choose_distinct(self, count: int) -> int:
        drawn: list[int] = []
        while len(drawn) < min(self._choices, count):
            place = int(self._random() * count)
            if place not in drawn:
                drawn.append(place)
        return min((self.ready[place] for place in drawn), key=self.outstanding.__getitem__)


class PeakEwma(View):
    """Out of two ready replicas, the one with the lower latency times load.

    The latency of a replica jumps up to a slower answer at once and comes down slowly. Source:
    Finagle, PeakEwma.scala.

    Args:
        decay_s: tau: after so long, an old latency counts for 1/e.
    """

    __slots__ = ("_cost_s", "_decay_s", "_stamp_s")

    def __init__(self, count: int, random: Random, decay_s: float = 10.0) -> None:
        super().__init__(count, random)
        self._decay_s = decay_s
        self._cost_s = [0.0] * count
        self._stamp_s = [0.0] * count

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        ready, random = self.ready, self._random
        count = len(ready)
        if count < 2:
            return ready[0] if ready else NOBODY
        one = int(random() * count)
        other = int(random() * (count - 1))
        one, other = ready[one], ready[other + (other >= one)]
        return one if self.score(now, one) <= self.score(now, other) else other

    def score(self, now: float, replica: int) -> float:
        """Return what is compared: latency times the calls there with one more; it decays here."""
        held = self.outstanding[replica]
        cost_s = self._cost_s[replica]
        if cost_s:
            cost_s *= math.exp((self._stamp_s[replica] - now) / self._decay_s)
            self._cost_s[replica] = cost_s
            self._stamp_s[replica] = now
        elif held:
            return PENALTY + held
        return cost_s * (held + 1)

    def remove(self, replica: int, now: float, took_s: float) -> None:
        """Take note that a call has ended, and how long it took."""
        self.outstanding[replica] -= 1
        weight = math.exp(-(now - self._stamp_s[replica]) / self._decay_s)
        decayed_s = self._cost_s[replica] * weight
        slower = took_s > self._cost_s[replica]
        self._cost_s[replica] = took_s if slower else decayed_s + took_s * (1 - weight)
        self._stamp_s[replica] = now
