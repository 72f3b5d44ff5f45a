"""One emulated replica: a queue, c workers that sleep, and batches while all of them are busy."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.emulated.service_time import ServiceTimes

WINDOW_S = 0.5
"""Over at least so long a replica's load is averaged."""


@dataclass(slots=True)
class Waiting:
    """A request in the replica."""

    rows: int
    answered: Callable[[float, float], None]
    """Is called once, with the seconds it waited and the seconds its batch took."""
    came_s: float


class EmulatedReplica:
    """Serves batches: a free worker takes at once what waits, up to a number of rows.

    Args:
        workers: how many batches are served at a time.
        max_batch_rows: a batch has at most so many rows, or one request that alone has more.
        max_queue: requests that may wait.
        times: draws how long a batch takes.
    """

    def __init__(
        self, workers: int, max_batch_rows: int, max_queue: int, times: ServiceTimes
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._workers = workers
        self._max_batch_rows = max_batch_rows
        self._max_queue = max_queue
        self._times = times
        self._queue: deque[Waiting] = deque()
        self._window_s, self._busy_s, self._answered = self._loop.time(), 0.0, 0
        self._load = (0.0, 0.0)
        self.busy = 0
        self.slowdown = 1.0
        """Every batch takes so many times as long: a fault that can be set while it runs."""

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is served."""
        return not self.busy and not self._queue

    def load(self) -> tuple[float, float]:
        """Return the share of workers that were busy, and answers a second, of late."""
        now_s = self._loop.time()
        over_s = now_s - self._window_s
        if over_s >= WINDOW_S:
            self._load = (self._busy_s / over_s / self._workers, self._answered / over_s)
            self._window_s, self._busy_s, self._answered = now_s, 0.0, 0
        return self._load

    def submit(self, rows: int, answered: Callable[[float, float], None]) -> bool:
        """Take a request; False if the queue is full."""
        if self.busy >= self._workers and len(self._queue) >= self._max_queue:
            return False
        self._queue.append(Waiting(rows, answered, self._loop.time()))
        self._serve()
        return True

    def _serve(self) -> None:
        while self.busy < self._workers and self._queue:
            batch = [self._queue.popleft()]
            rows = batch[0].rows
            while self._queue and rows + self._queue[0].rows <= self._max_batch_rows:
                batch.append(self._queue.popleft())
                rows += batch[-1].rows
            took_s = self._times.draw_s(rows) * self.slowdown
            self.busy += 1
            began_s = self._loop.time()
            self._loop.call_at(began_s + took_s, self._done, batch, began_s)

    def _done(self, batch: list[Waiting], began_s: float) -> None:
        self.busy -= 1
        # What it took, not what was drawn: a late timer keeps the worker for longer.
        took_s = self._loop.time() - began_s
        self._busy_s += took_s
        self._answered += len(batch)
        # The worker goes on with what waits before the answers are written.
        self._serve()
        for waiting in batch:
            waiting.answered(began_s - waiting.came_s, took_s)
