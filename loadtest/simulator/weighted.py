"""Weighted round robin: smooth as in nginx, by earliest deadline as in Envoy, by reports (ORCA)."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from random import Random

from loadtest.simulator.view import NOBODY, View


class SmoothWeighted(View):
    """Ready replicas in proportion to fixed weights, each spread as evenly as can be.

    Every weight is added to its replica's credit; the highest credit is chosen and pays the sum:
    weights 5, 1, 1 give a a b a c a a. Source: nginx. Each choice looks at every replica.
    """

    __slots__ = ("_credit", "_weights")

    def __init__(self, count: int, random: Random, weights: Sequence[float]) -> None:
        super().__init__(count, random)
        self._weights = list(weights)
        self._credit = [0.0] * count

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        credit, weights = self._credit, self._weights
        best, total = NOBODY, 0.0
        for replica in range(self.count):
            if self._blocked[replica]:
                continue
            credit[replica] += weights[replica]
            total += weights[replica]
            if best == NOBODY or credit[replica] > credit[best]:
                best = replica
        if best != NOBODY:
            credit[best] -= total
        return best


class ReportedWeights(View):
    """Ready replicas in proportion to what they could do, as they themselves report it.

    Chosen by earliest deadline: a replica of weight w is due every 1/w. Source: gRPC, proposal
    A58, weighted_round_robin. As long as fewer than two weights are known it is round robin.
    """

    __slots__ = ("_due", "_weights")

    def __init__(self, count: int, random: Random) -> None:
        super().__init__(count, random)
        self._weights = [1.0] * count
        self._due: list[tuple[float, int]] = []
        self.set_weights([None] * count)

    def set_weights(self, known: Sequence[float | None]) -> None:
        """Take new weights; one that is not known becomes the mean of the others."""
        given = [weight for weight in known if weight is not None and weight > 0]
        mean = sum(given) / len(given) if len(given) > 1 else 1.0
        self._weights = [
            weight if len(given) > 1 and weight is not None and weight > 0 else mean
            for weight in known
        ]
        # Within its first period each begins at a place of its own, lest all be due at once.
        self._due = [(self._random() / each, place) for place, each in enumerate(self._weights)]
        heapify(self._due)

    def choose(self, now: float) -> int:
        """Return a ready replica, or NOBODY."""
        del now
        if not self.ready:
            return NOBODY
        while True:
            due, replica = heappop(self._due)
            heappush(self._due, (due + 1 / self._weights[replica], replica))
            if not self._blocked[replica]:
                return replica


def reported_weight(
    answers_per_s: float, errors_per_s: float, utilisation: float, penalty: float = 1.0
) -> float | None:
    """Return a replica's weight by its own report: what it would do at full utilisation.

    Args:
        answers_per_s: of all kinds.
        errors_per_s: of those, errors.
        utilisation: between 0 and 1; 0 is no report.
        penalty: how much errors count as utilisation.

    Returns:
        None if nothing is known: 100 answers and 10 errors a second at .5 give 166.67.
    """
    if answers_per_s <= 0 or utilisation <= 0:
        return None
    return answers_per_s / (utilisation + errors_per_s / answers_per_s * penalty)
