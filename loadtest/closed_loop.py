"""The closed loop: so many clients, each of which waits for its answer before it asks again."""

import asyncio
import random
import time
from bisect import bisect
from collections.abc import Sequence
from itertools import count

from loadtest.plan import ClosedPlan
from loadtest.record import Outcome
from loadtest.sending import Sender

_PAUSE_S = 0.01
"""After a refused or lost request a client rests this long: a dead target answers in
microseconds, and an unpaced loop would count its own speed."""


class ClosedLoop:
    """Lets clients ask, and think before they ask again.

    Args:
        sender: takes their requests up; the load is over when every client has left.
        planned: how many clients, and for how long.
        weights: the cumulated weights of what can be sent.
        began_s: the start of the load, by time.monotonic().
        stop: when set, nothing more is taken up.
    """

    def __init__(
        self,
        sender: Sender,
        planned: ClosedPlan,
        weights: Sequence[float],
        began_s: float,
        stop: asyncio.Event,
    ) -> None:
        self._sender = sender
        self._planned = planned
        self._weights = weights
        self._began_s = began_s
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._draw = random.Random(repr(planned.seed))  # noqa: S311 - reproducible, not secret
        self._clients = planned.max_connections
        self._resting: dict[int, asyncio.TimerHandle] = {}
        self._rests = count()

    def begin(self) -> None:
        """Let every client begin."""
        for _ in range(self._planned.max_connections):
            self._rest(self._began_s)
        self._look()

    def stop(self) -> None:
        """Wake those who rest: `stop` is set, and they leave."""
        for _ in range(self.close()):
            self._ask(None)

    def close(self) -> int:
        """Wake nobody any more, and return how many rest."""
        resting, self._resting = self._resting, {}
        for timer in resting.values():
            timer.cancel()
        return len(resting)

    def _rest(self, free_s: float) -> None:
        """Let a client that is free, now or later, think until it asks."""
        planned = self._planned
        if planned.think_s:
            mean_s = planned.think_s
            free_s += self._draw.expovariate(1 / mean_s) if planned.exponential else mean_s
        due_s = free_s if planned.think_s else None
        if free_s <= time.monotonic():
            self._ask(due_s)
            return
        number = next(self._rests)
        self._resting[number] = self._loop.call_at(free_s, self._wake, number, due_s)

    def _wake(self, number: int, due_s: float | None) -> None:
        del self._resting[number]
        self._ask(due_s)

    def _ask(self, due_s: float | None) -> None:
        if self._goes_on():
            weights = self._weights
            pick = bisect(weights, self._draw.random() * weights[-1])
            self._sender.take(min(pick, len(weights) - 1), self._ended, due_s)
            return
        self._clients -= 1
        self._look()

    def _look(self) -> None:
        """Say that the load is over, if it is."""
        if not self._clients and not self._sender.over.done():
            self._sender.over.set_result(None)

    def _goes_on(self) -> bool:
        taken, since_s = self._sender.taken, time.monotonic() - self._began_s
        wanted = since_s < self._planned.ends_s or taken < self._planned.at_least
        allowed = since_s < self._planned.gives_up_s and taken < self._planned.at_most
        return wanted and allowed and not self._stop.is_set()

    def _ended(self, outcome: Outcome) -> None:
        free_s = time.monotonic()
        if outcome in {Outcome.LOST, Outcome.REFUSED}:
            free_s += _PAUSE_S
        self._rest(free_s)
