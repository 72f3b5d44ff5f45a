"""The queue between requests and workers: it follows the policy, and owns every entry.

A request goes at once when a worker is free; all that came in the same turn of the loop go
together. While all workers are busy requests gather, and leave together when one frees. No more
gather than can be served in time.
"""

import asyncio
from random import random
from time import monotonic
from typing import NamedTuple, Protocol

from service.batching.admission import level_s
from service.batching.entry import Ask, Entry
from service.batching.fair import Shares
from service.batching.flight import Flight, free_in_s
from service.batching.gate import Gate
from service.batching.inquest import Inquest
from service.batching.lane import Lane
from service.batching.outlook import Outlook
from service.batching.policy import hang_limit_s, next_lane, search_limits_s
from service.batching.quarantine import Quarantine, input_key
from service.batching.results import split_result
from service.errors import FrameError
from service.inference.messages import BatchResult, encode_bodies, encode_cells

SWEEP_S = 0.02
CALM = 0.25
"""Of the time and of the room: below it nobody needs to be refused."""


class Workers(Protocol):
    """Where batches go."""

    def send(self, worker: int, parts: list[bytes], hang_limit_s: float) -> None:
        """Send a PREDICT frame to an idle worker; end the worker if it takes longer."""


class BatcherStatistics(NamedTuple):
    """A snapshot for metrics and tests."""

    waiting: int
    in_flight: int
    retried: int
    quarantined: int
    wait_s: float
    """How long a request would wait that came now, behind all others."""


class Batcher:
    """Forms batches and resolves the futures of their entries.

    Args:
        workers: where batches go.
        max_batch_rows: the most rows in a batch.
        max_waiting: the most requests that may wait; one more is refused.
        max_queue_wait_s: the longest that a request waits behind others; a later one is refused.
        hang_limit_s: longest time of any batch.
        quarantine: inputs that are not tried; it outlives this batcher.
    """

    def __init__(
        self,
        workers: Workers,
        max_batch_rows: int,
        max_waiting: int,
        max_queue_wait_s: float,
        hang_limit_s: float,
        quarantine: Quarantine,
    ) -> None:
        self._workers = workers
        self._max_batch_rows = max_batch_rows
        self._max_waiting = max_waiting
        self._max_queue_wait_s = max_queue_wait_s
        self._hang_limit_s = hang_limit_s
        self._shares = Shares()
        self._gate = Gate(self._shares, max_batch_rows, max_waiting, max_queue_wait_s, random)
        self._inquest = Inquest(quarantine, self.on_cause)
        self._lanes: list[Lane] = []
        self._idle: list[int] = []
        self._flights: dict[int, Flight] = {}
        self._waiting = 0
        self._batches = 0
        self._scheduled = False
        self._held = False
        self._lag_s = 0.0
        self._flying_s = 0.0
        self._calm_s = CALM * max_queue_wait_s
        self._calm_waiting = CALM * max_waiting
        self._loop = asyncio.get_running_loop()
        self._sweep_due = monotonic() + SWEEP_S
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def add_lane(self, lane: Lane) -> None:
        """Serve one more model version."""
        lane.join(self._shares)
        self._lanes.append(lane)

    def admit(self, lane: Lane, ask: Ask) -> None:
        """Let a request pass, or refuse it before its body is read.

        Raises:
            Overloaded: it could not be served in time; `TooManyRequests` if that is its client's
                own doing.
            DeadlineExceeded: its time is over.
        """
        now = monotonic()
        if self._is_calm(lane, ask, now):
            self._gate.calm_at = now
            return
        # It has waited in its socket for as long as the loop is late: of that its time is less.
        free = free_in_s(self._flights.values(), len(self._idle), now)
        self._gate.check(lane, ask, free, now, self._lag_s)

    def _is_calm(self, lane: Lane, ask: Ask, now: float) -> bool:
        """Return whether one worker alone could do all that there is in a part of the time.

        Then nothing is refused, and a look at the sums has spared the prediction.
        """
        work_s = self._shares.cost_s + lane.cost.predict(ask.rows) + self._flying_s + self._lag_s
        return (
            work_s < self._calm_s
            and work_s < CALM * (ask.deadline - now)
            and self._waiting < self._calm_waiting
        )

    def _look_at_flights(self, now: float) -> None:
        """Sum up what workers have still to do; looked at for each batch, not each request."""
        self._flying_s = 0.0
        for flight in self._flights.values():
            self._flying_s += abs(flight.ends_at - now)

    def outlook(self, lane: Lane, entry: Entry) -> Outlook:
        """Return what would become of a request that is computed now."""
        idle = max(len(self._idle) - self._waiting, 0)
        return Outlook(idle, lane.cost.predict(entry.rows), lane.cost.call_s)

    def refuse_guilty(self, lane: Lane, entry: Entry) -> None:
        """Refuse a request that is submitted in parts if it ended two workers lately.

        Raises:
            PoisonInput: it did.
        """
        if self._inquest:
            self._inquest.refuse_guilty(lane, entry, monotonic())

    def condemn(self, lane: Lane, entry: Entry) -> None:
        """Hear that a part of a request ended two workers: the whole would do so, too."""
        self._inquest.condemn(lane, entry)

    def submit(self, lane: Lane, entry: Entry) -> None:
        """Accept a request that was admitted; its future gets an `Answer` or a `ServiceError`.

        Raises:
            PoisonInput: this input ended two workers lately.
        """
        entry.enqueued_at = monotonic()
        batch_rows = lane.cost.batch_rows(self._max_batch_rows, entry.deadline - entry.enqueued_at)
        entry.cost_s = lane.cost.share_s(entry.rows, batch_rows)
        if self._inquest:
            self._inquest.refuse_guilty(lane, entry, entry.enqueued_at)
        lane.waiting.append(entry)
        self._waiting += 1
        if self._idle and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._dispatch)

    def statistics(self) -> BatcherStatistics:
        """Return a snapshot."""
        in_flight = sum(len(flight.entries) for flight in self._flights.values())
        in_flight += len(self._inquest.in_doubt())
        waiting = self._waiting + len(self._inquest.waiting())
        free = free_in_s(self._flights.values(), len(self._idle), monotonic())
        wait_s = level_s(self._shares.cost_s, free)
        retried, quarantined = self._inquest.retried, self._inquest.quarantined()
        return BatcherStatistics(waiting, in_flight, retried, quarantined, wait_s)

    def hold(self) -> None:
        """Begin no batch until `release`; requests wait, with their deadlines."""
        self._held = True

    def release(self) -> None:
        """Begin batches again."""
        self._held = False
        self._dispatch()

    def surrender(self) -> list[tuple[Lane, Entry]]:
        """Give away all that waits for a worker, with its lane: there will be none.

        What is kept is in doubt: why its worker died is not known yet, and then it waits again.
        """
        given = []
        for lane in self._lanes:
            followers = [one for first in lane.suspects for one in self._inquest.drop(lane, first)]
            given += [(lane, entry) for entry in (*lane.surrender(), *followers)]
        self._waiting = 0
        return given

    def close(self) -> None:
        """Stop looking for requests whose time is over."""
        self._sweeper.cancel()
        self._inquest.stop()

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
        now = monotonic()
        answers = split_result(result, flight.entries, flight.lane.output, now)
        del self._flights[worker]
        self._look_at_flights(now)
        rows = sum([got.rows or 1 for got in result.entries])
        if not flight.entries[0].payload.partial:  # a search's many calls say nothing of one
            flight.lane.learn(rows, now - flight.entries[0].sent_at)
        flight.lane.on_result(rows, result.predict_ns, result.other_ns)
        self._idle.append(worker)
        if flight.suspect is not None:
            self._waiting += self._inquest.clear(flight.lane, flight.suspect)
        self._dispatch()
        for entry, answer in zip(flight.entries, answers, strict=True):
            entry.resolve(answer)

    def on_lost(self, worker: int) -> None:
        """Keep a dead worker's batch until it is known why it died; equal inputs wait, too."""
        if worker in self._idle:
            self._idle.remove(worker)
        flight = self._flights.pop(worker, None)
        if flight is None:
            return
        # What waits now waits for a death, and not because too much was asked.
        self._gate.calm_at = monotonic()
        self._inquest.open(worker, flight)

    def on_cause(self, worker: int, is_outside: bool) -> None:
        """Hear whether somebody else ended a lost worker, or its batch may have."""
        self._waiting += self._inquest.close(worker, is_outside=is_outside)
        self._dispatch()

    def _dispatch(self) -> None:
        self._scheduled = False
        while self._idle and self._waiting and not self._held:
            turns = {lane: turn for lane in self._lanes if (turn := lane.turn()) is not None}
            lane = next_lane(turns)
            if lane is None:
                return
            now = monotonic()
            if lane.suspects:
                self._waiting -= 1
                self._try_alone(lane, lane.suspects.popleft(), now)
                continue
            taken = lane.take(self._max_batch_rows)
            self._waiting -= len(taken)
            batch = lane.wanted(taken, now)
            if self._inquest:
                batch = [one for one in batch if self._inquest.is_innocent(lane, one, now)]
            if batch:
                self._send(self._idle.pop(), Flight(lane, batch, None, now), now)

    def _try_alone(self, lane: Lane, entry: Entry, now: float) -> None:
        key = input_key(lane.name, entry.payload)
        if lane.wants(entry, now):
            self._send(self._idle.pop(), Flight(lane, [entry], key, now), now)
            return
        self._waiting += self._inquest.pass_on(lane, key)

    def _send(self, worker: int, flight: Flight, now: float) -> None:
        lane, batch = flight.lane, flight.entries
        rows, deadline = 0, batch[0].deadline
        for entry in batch:
            entry.sent_at = now
            rows += entry.rows
            deadline = min(deadline, entry.deadline)
        self._batches = (self._batches + 1) & 0xFFFFFFFF
        self._flights[worker] = Flight(lane, batch, flight.suspect, now + lane.cost.predict(rows))
        self._look_at_flights(now)
        payloads = [entry.payload for entry in batch]
        wanted = [entry.probabilities for entry in batch]
        cells = [payload.cells for payload in payloads if payload.cells is not None]
        limit_s = hang_limit_s(lane.expected_s(rows), deadline - now, self._hang_limit_s)
        if cells:
            parts = encode_cells(self._batches, lane.model, cells, wanted)
        else:
            search_s = 0.0
            if payloads[0].partial:
                search_s, limit_s = search_limits_s(limit_s, deadline - now, self._hang_limit_s)
            bodies = [(one.media, one.body, asked) for one, asked in zip(payloads, wanted)]  # noqa: B905
            parts = encode_bodies(self._batches, lane.model, bodies, search_s)
        self._workers.send(worker, parts, limit_s)
        lane.on_batch(rows, len(batch))

    def _sweep(self) -> None:
        """Answer everybody whose time is over; work that has not begun will not begin."""
        now = monotonic()
        self._lag_s = max(now - self._sweep_due, self._lag_s / 2)
        self._sweep_due = now + SWEEP_S
        for lane in self._lanes:
            for queue in (lane.waiting, lane.cleared, lane.suspects):
                for entry in queue:
                    entry.expire(now)
            self._waiting -= lane.discard_done()
        for entry in (*self._inquest.waiting(), *self._inquest.in_doubt()):
            entry.expire(now)
        for flight in self._flights.values():
            for entry in flight.entries:
                entry.expire(now)
        self._look_at_flights(now)
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
