"""The queue between requests and workers: it follows the policy, and owns every entry.

A request goes at once when a worker is free; all that came in the same turn of the loop go
together. While all workers are busy requests gather, and leave together when one frees.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from time import monotonic
from typing import NamedTuple, Protocol

from models.schema import OutputSchema
from service.batching.entry import Entry, Payload
from service.batching.policy import batch_length, may_queue, next_lane
from service.batching.results import split_result
from service.errors import DeadlineExceeded, FrameError, Overloaded, PoisonInput, ServiceError
from service.inference.messages import BatchResult, encode_bodies, encode_cells

SWEEP_S = 0.02
FATAL_DEATHS = 2


class Workers(Protocol):
    """Where batches go."""

    def send(self, worker: int, parts: list[bytes]) -> None:
        """Send a PREDICT frame to an idle worker."""


class Lane:
    """What waits for one model version.

    Args:
        model: the version's index in the loader.
        output: what it answers.
        on_batch: hears the rows of every batch that is sent, and how many requests they are.
    """

    __slots__ = ("model", "on_batch", "output", "suspects", "waiting")

    def __init__(
        self, model: int, output: OutputSchema, on_batch: Callable[[int, int], None]
    ) -> None:
        self.model = model
        self.output = output
        self.on_batch = on_batch
        self.waiting: deque[Entry] = deque()
        self.suspects: deque[Entry] = deque()
        """Requests whose worker died: each is tried once more, alone."""

    def oldest(self) -> float | None:
        """Return when the oldest waiting request came, in monotonic seconds."""
        queue = self.suspects or self.waiting
        return queue[0].enqueued_at if queue else None

    def take(self, max_rows: int) -> list[Entry]:
        """Remove and return the next batch: requests of one kind, oldest first."""
        if self.suspects:
            return [self.suspects.popleft()]
        first = self.waiting[0].payload
        if not first.joins:
            return [self.waiting.popleft()]
        alike = takewhile(lambda entry: _joins(entry.payload, first), self.waiting)
        count = batch_length((entry.payload.rows for entry in alike), max_rows)
        return [self.waiting.popleft() for _ in range(count)]


class Flight(NamedTuple):
    """A batch that a worker has."""

    lane: Lane
    entries: list[Entry]


class BatcherStatistics(NamedTuple):
    """A snapshot for metrics and tests."""

    waiting: int
    in_flight: int


class Batcher:
    """Forms batches and resolves the futures of their entries.

    Args:
        workers: where batches go.
        max_batch_rows: the most rows in a batch.
        max_waiting: the most requests that may wait; one more is refused.
    """

    def __init__(self, workers: Workers, max_batch_rows: int, max_waiting: int) -> None:
        self._workers = workers
        self._max_batch_rows = max_batch_rows
        self._max_waiting = max_waiting
        self._lanes: list[Lane] = []
        self._idle: list[int] = []
        self._flights: dict[int, Flight] = {}
        self._waiting = 0
        self._batches = 0
        self._scheduled = False
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def add_lane(self, lane: Lane) -> None:
        """Serve one more model version."""
        self._lanes.append(lane)

    def submit(self, lane: Lane, entry: Entry) -> None:
        """Accept a request; its future gets an `Answer` or a `ServiceError`.

        Raises:
            Overloaded: too many requests wait already.
        """
        if not may_queue(self._waiting, self._max_waiting):
            raise Overloaded("Too many requests are waiting; try again in a moment.")
        entry.enqueued_at = monotonic()
        lane.waiting.append(entry)
        self._waiting += 1
        if self._idle and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._dispatch)

    def statistics(self) -> BatcherStatistics:
        """Return a snapshot."""
        in_flight = sum(len(flight.entries) for flight in self._flights.values())
        return BatcherStatistics(self._waiting, in_flight)

    def close(self) -> None:
        """Stop looking for requests whose time is over."""
        self._sweeper.cancel()

    def on_idle(self, worker: int) -> None:
        """Take a worker that is ready for its first batch."""
        self._idle.append(worker)
        self._dispatch()

    def on_result(self, worker: int, result: BatchResult) -> None:
        """Give the worker its next batch, then every client of this one its answer.

        Raises:
            FrameError: the result does not belong to the worker's batch.
        """
        flight = self._flights.get(worker)
        if flight is None:
            raise FrameError("a result that nobody waits for")
        answers = split_result(result, flight.entries, flight.lane.output, monotonic())
        del self._flights[worker]
        self._idle.append(worker)
        self._dispatch()
        for entry, answer in zip(flight.entries, answers, strict=True):
            if entry.future.done():
                continue
            if isinstance(answer, ServiceError):
                entry.future.set_exception(answer)
            else:
                entry.future.set_result(answer)

    def on_lost(self, worker: int) -> None:
        """Try the requests of a dead worker's batch once more, each alone."""
        if worker in self._idle:
            self._idle.remove(worker)
        flight = self._flights.pop(worker, None)
        if flight is None:
            return
        for entry in flight.entries:
            entry.deaths += 1
            if entry.future.done():
                continue
            if entry.deaths >= FATAL_DEATHS:
                entry.future.set_exception(PoisonInput("This input ended two workers."))
            else:
                flight.lane.suspects.append(entry)
                self._waiting += 1
        self._dispatch()

    def _dispatch(self) -> None:
        self._scheduled = False
        while self._idle and self._waiting:
            oldest = {lane: came for lane in self._lanes if (came := lane.oldest()) is not None}
            lane = next_lane(oldest)
            if lane is None:
                return
            taken = lane.take(self._max_batch_rows)
            self._waiting -= len(taken)
            now = monotonic()
            batch = [entry for entry in taken if _is_wanted(entry, now)]
            if batch:
                self._send(self._idle.pop(), lane, batch, now)

    def _send(self, worker: int, lane: Lane, batch: list[Entry], now: float) -> None:
        rows = 0
        for entry in batch:
            entry.sent_at = now
            rows += entry.payload.rows
        self._batches = (self._batches + 1) & 0xFFFFFFFF
        self._flights[worker] = Flight(lane, batch)
        payloads = [entry.payload for entry in batch]
        wanted = [entry.probabilities for entry in batch]
        cells = [payload.cells for payload in payloads if payload.cells is not None]
        if cells:
            parts = encode_cells(self._batches, lane.model, cells, wanted)
        else:
            bodies = [(one.media, one.body, asked) for one, asked in zip(payloads, wanted)]  # noqa: B905
            parts = encode_bodies(self._batches, lane.model, bodies)
        self._workers.send(worker, parts)
        lane.on_batch(rows, len(batch))

    def _sweep(self) -> None:
        """Answer everybody whose time is over; work that has not begun will not begin."""
        now = monotonic()
        for lane in self._lanes:
            for queue in (lane.waiting, lane.suspects):
                for entry in queue:
                    _expire(entry, now)
        for flight in self._flights.values():
            for entry in flight.entries:
                _expire(entry, now)
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)


def _joins(one: Payload, first: Payload) -> bool:
    return one.joins and (one.cells is None) == (first.cells is None)


def _is_wanted(entry: Entry, now: float) -> bool:
    _expire(entry, now)
    return not entry.future.done()


def _expire(entry: Entry, now: float) -> None:
    if now > entry.deadline and not entry.future.done():
        entry.future.set_exception(
            DeadlineExceeded("The request's time was over before it was answered.")
        )
