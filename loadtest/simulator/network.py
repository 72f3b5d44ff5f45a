"""A bad network between the balancers and one replica, as the load test's own shim makes it."""

from random import Random

RETRANSMISSION_S = 0.2
"""What a lost segment costs: Linux's least retransmission time-out."""


class Network:
    """Delays each way, and loses a share of what is sent once.

    Args:
        delay_s: each way.
        loss: share of requests, and of answers, that come a retransmission later.
        random: draws who.
    """

    def __init__(self, delay_s: float, loss: float, random: Random) -> None:
        self._delay_s = delay_s
        self._loss = loss
        self._random = random.random

    def way_s(self) -> float:
        """Return how much later something comes that sets out now."""
        return self._delay_s + (RETRANSMISSION_S if self._random() < self._loss else 0.0)
