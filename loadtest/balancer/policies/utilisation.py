"""Weights from what replicas say of their utilisation, spent by earliest deadline first.

After gRPC's proposal A58: a replica that serves many requests with little utilisation gets more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from loadtest.balancer.policies.base import LoadReport, Policy


@dataclass(slots=True)
class ReportedWeight:
    """Weight of one replica: queries a second over utilisation, with errors as utilisation.

    Args:
        blackout_s: a replica that has just begun to report is not believed for this long.
        expiration_s: a weight this old is forgotten, and the blackout begins anew.
        penalty: how much utilisation a share of errors of 1 counts as.
    """

    blackout_s: float = 10.0
    expiration_s: float = 180.0
    penalty: float = 1.0
    _weight: float = 0.0
    _since_s: float = math.inf
    _updated_s: float = -math.inf

    def observe(self, load: LoadReport, now_s: float) -> None:
        """Take note of a report; one without requests or utilisation says nothing."""
        if load.requests_per_s <= 0 or load.utilisation <= 0:
            return
        errors = load.errors_per_s / load.requests_per_s * self.penalty
        self._weight = load.requests_per_s / (load.utilisation + errors)
        self._since_s = min(self._since_s, now_s)
        self._updated_s = now_s

    def value(self, now_s: float) -> float:
        """Return the weight; 0 while it is not known."""
        if now_s - self._updated_s >= self.expiration_s:
            self._since_s = math.inf
            return 0.0
        if now_s - self._since_s < self.blackout_s:
            return 0.0
        return self._weight


class EarliestDeadline:
    """Weighted turns: who is chosen is due again 1/weight later; the first who is due is chosen.

    Args:
        random: spreads the first deadlines over [0, 1/weight), so that many balancers do not
            begin with the same replica.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self._deadlines: dict[str, float] = {}
        self._now = 0.0

    def pick(self, weights: Mapping[str, float]) -> str:
        """Choose one of those that have a weight, all above 0."""
        for each, weight in weights.items():
            # Whoever was away must not catch up on all the turns that it missed.
            if self._deadlines.get(each, -1.0) < self._now:
                self._deadlines[each] = self._now + self.random.random() / weight
        first = min(weights, key=self._deadlines.__getitem__)
        self._now = self._deadlines[first]
        self._deadlines[first] += 1 / weights[first]
        return first


class UtilisationWeighted(Policy):
    """Turns by reported weights; unknown weights count as the mean of the known ones.

    With fewer than two known weights all count the same, which is round robin.
    """

    def __init__(
        self,
        replicas: Sequence[str],
        random: Random,
        blackout_s: float = 10.0,
        update_s: float = 1.0,
    ) -> None:
        super().__init__(replicas)
        self._reported = {each: ReportedWeight(blackout_s=blackout_s) for each in replicas}
        self._turns = EarliestDeadline(random)
        self._update_s = update_s
        self._updated_s = -math.inf
        self._weights = dict.fromkeys(replicas, 1.0)

    def report(self, replica: str, load: LoadReport, now_s: float) -> None:
        self._reported[replica].observe(load, now_s)

    def weights(self, now_s: float) -> dict[str, float]:
        """Return the weight of every replica, as they would be used now."""
        known = {each: weight.value(now_s) for each, weight in self._reported.items()}
        positive = [weight for weight in known.values() if weight > 0]
        if len(positive) < 2:
            return dict.fromkeys(known, 1.0)
        mean = sum(positive) / len(positive)
        return {each: weight or mean for each, weight in known.items()}

    def _choose(self, candidates: Sequence[str], now_s: float) -> str:
        if now_s - self._updated_s >= self._update_s:
            weights = self.weights(now_s)
            if weights != self._weights:
                # Deadlines of another scale of weights would mean nothing.
                self._turns = EarliestDeadline(self._turns.random)
            self._weights, self._updated_s = weights, now_s
        return self._turns.pick({each: self._weights[each] for each in candidates})
