"""The queue of one model version, and what its batches have taken so far."""

from collections import deque
from collections.abc import Callable, Sequence
from math import inf

from models.schema import OutputSchema
from service.batching.cost import CostModel
from service.batching.entry import Entry
from service.batching.fair import FairQueue, Shares
from service.batching.policy import Turn, fits, is_too_late

FORGET = 0.98
"""What is kept of the slowest batch's time at each one that was faster."""


class Lane:
    """What waits for one model version.

    Args:
        name: the version's name, the same in every generation.
        model: the version's index in the loader.
        output: what it answers.
        on_batch: hears the rows of every batch that is sent, and how many requests they are.
        on_result: hears the rows of every batch that comes back, and the nanoseconds of its
            prediction and of what its worker did around that.
    """

    __slots__ = (
        "_slowest_row_s",
        "_slowest_s",
        "cleared",
        "cost",
        "model",
        "name",
        "on_batch",
        "on_result",
        "output",
        "suspects",
        "waiting",
    )

    def __init__(
        self,
        name: str,
        model: int,
        output: OutputSchema,
        on_batch: Callable[[int, int], None],
        on_result: Callable[[int, int, int], None],
    ) -> None:
        self.name = name
        self.model = model
        self.output = output
        self.on_batch = on_batch
        self.on_result = on_result
        self.waiting: FairQueue[Entry] = FairQueue(Shares())
        self.cleared: deque[Entry] = deque()
        """Requests that were suspected and are not any more: they have waited long enough."""
        self.suspects: deque[Entry] = deque()
        """Requests whose worker died: each is tried once more, alone."""
        self.cost = CostModel()
        self._slowest_s = 0.0
        self._slowest_row_s = 0.0

    def join(self, shares: Shares) -> None:
        """Divide workers with the lanes that have the same shares; nothing waits yet."""
        self.waiting = FairQueue(shares)

    def turn(self) -> Turn | None:
        """Return whose turn it is here, or None: nothing waits."""
        retried = self.suspects or self.cleared
        if retried:
            return (-inf, -inf, retried[0].enqueued_at)
        return self.waiting.turn() if self.waiting else None

    def take(self, max_rows: int) -> list[Entry]:
        """Remove and return the next batch: requests of one kind, in the order of their turns."""
        first = self._pop()
        batch, payload, rows = [first], first.payload, first.rows
        if payload.joins:
            limit = self.cost.batch_rows(max_rows, first.deadline - first.enqueued_at)
            are_bodies = payload.cells is None

            def joins(entry: Entry) -> bool:
                nonlocal rows
                payload = entry.payload
                if not payload.joins or (payload.cells is None) != are_bodies:
                    return False
                if not fits(rows, entry.rows, limit):
                    return False
                rows += entry.rows
                return True

            while self.cleared:
                if not joins(self.cleared[0]):
                    return batch
                batch.append(self.cleared.popleft())
            batch += self.waiting.pop_run(joins)
        return batch

    def wanted(self, taken: Sequence[Entry], now: float) -> list[Entry]:
        """Return those that shall be computed; the others are answered, or have been."""
        call_s, row_s = self.cost.call_s, self.cost.row_s
        return [
            entry
            for entry in taken
            # Almost all are, and are asked for here no more than that needs.
            if (not entry.future.done() and now + call_s + row_s * entry.rows <= entry.deadline)
            or self.wants(entry, now)
        ]

    def wants(self, entry: Entry, now: float) -> bool:
        """Return whether a request shall be computed: somebody waits, and it can be in time."""
        if entry.future.done():
            return False
        predicted_s = self.cost.predict(entry.rows)
        if now + predicted_s <= entry.deadline:
            return True
        entry.expire(now)
        if is_too_late(now, entry.enqueued_at, entry.deadline, predicted_s):
            entry.give_up()
        return not entry.future.done()

    def discard_done(self) -> int:
        """Remove requests that nobody waits for any more; return how many."""
        if not any(entry.future.done() for entry in self.waiting):
            return 0
        before = len(self.waiting)
        self.waiting.discard(lambda entry: entry.future.done())
        return before - len(self.waiting)

    def surrender(self) -> list[Entry]:
        """Remove and return all that waits."""
        given = [*self.cleared, *self.suspects, *self.waiting]
        self.cleared.clear()
        self.suspects.clear()
        self.waiting.discard(lambda _: True)
        return given

    def _pop(self) -> Entry:
        return self.cleared.popleft() if self.cleared else self.waiting.pop()

    def learn(self, rows: int, seconds: float) -> None:
        """Remember how long batches take, for predictions and for the hang limit."""
        self.cost.learn(rows, seconds)
        self._slowest_s = max(seconds, FORGET * self._slowest_s)
        self._slowest_row_s = max(seconds / rows, FORGET * self._slowest_row_s)

    def expected_s(self, rows: int) -> float:
        """Return what a batch of so many rows has taken at the most; 0.0 if none has come back."""
        return max(self._slowest_s, self._slowest_row_s * rows)
