"""The queue of one model version, and what its batches have taken so far."""

from collections import deque
from collections.abc import Callable
from itertools import takewhile

from models.schema import OutputSchema
from service.batching.entry import Entry, Payload
from service.batching.policy import batch_length

FORGET = 0.98
"""What is kept of the slowest batch's time at each one that was faster."""


class Lane:
    """What waits for one model version.

    Args:
        name: the version's name, the same in every generation.
        model: the version's index in the loader.
        output: what it answers.
        on_batch: hears the rows of every batch that is sent, and how many requests they are.
    """

    __slots__ = (
        "_slowest_row_s",
        "_slowest_s",
        "model",
        "name",
        "on_batch",
        "output",
        "suspects",
        "waiting",
    )

    def __init__(
        self, name: str, model: int, output: OutputSchema, on_batch: Callable[[int, int], None]
    ) -> None:
        self.name = name
        self.model = model
        self.output = output
        self.on_batch = on_batch
        self.waiting: deque[Entry] = deque()
        self.suspects: deque[Entry] = deque()
        """Requests whose worker died: each is tried once more, alone."""
        self._slowest_s = 0.0
        self._slowest_row_s = 0.0

    def oldest(self) -> float | None:
        """Return when the oldest waiting request came, in monotonic seconds."""
        queue = self.suspects or self.waiting
        return queue[0].enqueued_at if queue else None

    def take(self, max_rows: int) -> list[Entry]:
        """Remove and return the next batch: requests of one kind, oldest first."""
        first = self.waiting[0].payload
        if not first.joins:
            return [self.waiting.popleft()]
        alike = takewhile(lambda entry: _joins(entry.payload, first), self.waiting)
        count = batch_length((entry.payload.rows for entry in alike), max_rows)
        return [self.waiting.popleft() for _ in range(count)]

    def learn(self, rows: int, seconds: float) -> None:
        """Remember how long batches take, for the hang limit."""
        self._slowest_s = max(seconds, FORGET * self._slowest_s)
        self._slowest_row_s = max(seconds / rows, FORGET * self._slowest_row_s)

    def expected_s(self, rows: int) -> float:
        """Return what a batch of so many rows has taken at the most; 0.0 if none has come back."""
        return max(self._slowest_s, self._slowest_row_s * rows)


def _joins(one: Payload, first: Payload) -> bool:
    return one.joins and (one.cells is None) == (first.cells is None)
