"""The door of the queue: refuses what could not be served in time, before any work is done."""

from collections.abc import Callable, Sequence

from service.batching.admission import Reason, budget_s, decide, forecast, has_room, retry_after_s
from service.batching.entry import Ask
from service.batching.fair import Shares
from service.batching.lane import Lane
from service.errors import DeadlineExceeded, Overloaded, TooManyRequests

_SENTENCES: dict[Reason, str] = {
    "queue": "Too many requests are waiting; try again in a moment.",
    "deadline": "The request could not be answered in its time; try again in a moment.",
}


class Gate:
    """Knows what waits and what it will take.

    Args:
        shares: what waits, by client.
        max_batch_rows: the most rows in a batch.
        max_waiting: the most requests that may wait.
        max_queue_wait_s: the longest that a request waits behind others.
        chance: random numbers from 0 to 1.

    Attributes:
        calm_at: when there was no queue to speak of, in monotonic seconds.
    """

    def __init__(
        self,
        shares: Shares,
        max_batch_rows: int,
        max_waiting: int,
        max_queue_wait_s: float,
        chance: Callable[[], float],
    ) -> None:
        self._shares = shares
        self._max_batch_rows = max_batch_rows
        self._max_waiting = max_waiting
        self._max_queue_wait_s = max_queue_wait_s
        self._chance = chance
        self.calm_at = 0.0

    def check(
        self, lane: Lane, ask: Ask, free_in_s: Sequence[float], now: float, lag_s: float
    ) -> None:
        """Let a request pass.

        Args:
            lane: what it waits for.
            ask: who wants how much by when.
            free_in_s: when each worker is free, ascending; at least one.
            now: monotonic seconds.
            lag_s: how long it may have waited in its socket already.

        Raises:
            DeadlineExceeded: its time is over.
            TooManyRequests: it could not be served in time, and its client waits for much already.
            Overloaded: it could not be served in time.
        """
        client, priority, deadline, rows, _ = ask
        remaining_s = deadline - now
        if remaining_s <= 0:
            raise DeadlineExceeded("The request's time was over before it was answered.")
        shares, cost = self._shares, lane.cost
        if not shares.waiting:
            self.calm_at = now
        if not shares.waiting and free_in_s[0] <= 0:
            return  # nobody can be served sooner, and a wrong prediction is put right
        if not has_room(shares.waiting, shares.waiting_of(client), self._max_waiting):
            raise self._refusal(client, "queue", 0.0)
        batch_rows = cost.batch_rows(self._max_batch_rows, remaining_s)
        together = max(min(lane.waiting.rows + rows, batch_rows), rows)
        ahead_s = shares.ahead_s(client, priority, cost.share_s(rows, batch_rows))
        # Who travels in the same batch is not before it.
        ahead_s = max(ahead_s - cost.share_s(together - rows, batch_rows), 0.0)
        predicted = forecast(ahead_s, cost.predict(rows), cost.predict(together), free_in_s)
        # Who wants less than its share has not made the queue stand, and has all of the budget.
        standing_s = now - self.calm_at if shares.has_its_share(client) else 0.0
        budget = budget_s(self._max_queue_wait_s, standing_s)
        shed = decide(predicted, remaining_s - lag_s, budget)
        if shed is not None:
            raise self._refusal(client, shed.reason, shed.wait_s)

    def _refusal(self, client: str, reason: Reason, wait_s: float) -> Overloaded:
        later_s = retry_after_s(wait_s, self._chance())
        if self._shares.is_greedy(client):
            return TooManyRequests(
                "You have more requests waiting than your share; try again in a moment.",
                "fair_share",
                later_s,
            )
        return Overloaded(_SENTENCES[reason], reason, later_s)
