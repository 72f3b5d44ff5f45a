"""The generator's inside: sends prepared requests, never retries, and records each one's end.

    schedule or free client ──▶ taken up ──▶ connection ──▶ written ──▶ Reply | Loss ──▶ Record

A request ends in exactly one Outcome. A connection that was lost is replaced for the next request
only. Chaos tests use `run_load` as a library, under the event loop that they already have.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from loadtest.arrivals import poisson_arrivals
from loadtest.http1 import Address, Connection, Loss, LossCause, Reply, connect
from loadtest.judge import Judge
from loadtest.payload import Request
from loadtest.progress import Progress
from loadtest.record import LoadResult, Outcome, Record
from loadtest.scenario import MAX_REQUESTS, ClosedLoad, OpenLoad

REFUSED = frozenset({429, 503})
REPLICA_HEADER = b"x-percore-replica"

_PAUSE_S = 0.01
"""After a refused or lost connection a closed loop's connection rests this long: a dead target
answers in microseconds, and an unpaced loop would count its own speed."""


async def run_load(
    target: Address,
    requests: Sequence[Request],
    load: ClosedLoad | OpenLoad,
    stop: asyncio.Event | None = None,
    source: str | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Put a load on a target and return what happened to every request.

    Args:
        target: where to connect.
        requests: what to send; each request draws one of them, with replacement.
        load: open or closed, and how much.
        stop: when set, nothing new is sent; what is outstanding is still waited for.
        source: the address that the target shall see as the client's.
        progress: counts along, for whoever watches.

    Raises:
        ValueError: there is nothing to send, or the sums do not hold.
    """
    if not requests:
        raise ValueError("there are no requests to send")
    run = _Run(target, requests, load, stop or asyncio.Event(), source)
    run.progress = progress or Progress()
    cpu_s = time.process_time()
    if isinstance(load, ClosedLoad):
        await _closed(run, load)
    else:
        await _open(run, load)
    return run.result(time.process_time() - cpu_s)


@dataclass(frozen=True, slots=True)
class _Due:
    """A request that was taken up; times as time.monotonic() gives them."""

    request: int
    intended_s: float
    taken_s: float


class _Run:
    """What the requests of one load share."""

    def __init__(
        self,
        target: Address,
        requests: Sequence[Request],
        load: ClosedLoad | OpenLoad,
        stop: asyncio.Event,
        source: str | None,
    ) -> None:
        # per load
        self._source = source
        self._target = target
        self._wires = [request.wire for request in requests]
        self._judge = Judge([request.expected for request in requests])
        self._timeout_s = load.timeout_s
        self._duration_s = load.duration_s
        self._draw = random.Random(load.seed)  # noqa: S311 - reproducible, not secret
        self._idle: list[Connection] = []
        self._began_s = 0.0
        self.stop = stop
        self.progress = Progress()
        # per request
        self.sent = 0
        self._records: list[Record] = []

    def begin(self) -> float:
        """Start the clock and return it, by time.monotonic()."""
        self._began_s = time.monotonic()
        return self._began_s

    def take(self, intended_s: float | None = None) -> _Due:
        """Take a request up: from here on it must end in a record."""
        now_s = time.monotonic()
        self.sent += 1
        self.progress.taken()
        index = self._draw.randrange(len(self._wires))
        return _Due(index, now_s if intended_s is None else intended_s, now_s)

    async def end(self, due: _Due) -> Record:
        """Send a request, wait for its end and record it."""
        deadline_s = due.intended_s + self._timeout_s
        connection = await self._connection(deadline_s)
        sent_s = time.monotonic()
        if isinstance(connection, Loss):
            return self._record(due, sent_s, connection)
        if sent_s >= deadline_s:
            # It waited for a connection until its time was up.
            self._idle.append(connection)
            return self._record(due, sent_s, Loss(LossCause.TIMEOUT, sent_s))
        answer = await connection.ask(self._wires[due.request], deadline_s - sent_s)
        if connection.usable:
            self._idle.append(connection)
        return self._record(due, sent_s, answer)

    async def warm(self, connections: int) -> None:
        """Open connections before the clock starts; one that fails is left to the requests."""
        opened = await asyncio.gather(
            *(
                connect(self._target, self._timeout_s, source=self._source)
                for _ in range(connections)
            )
        )
        self._idle += [each for each in opened if isinstance(each, Connection)]

    def result(self, cpu_s: float) -> LoadResult:
        for connection in self._idle:
            connection.abort()
        last_s = max((record.done_s for record in self._records), default=0.0)
        planned_s = 0.0 if self.stop.is_set() else self._duration_s
        result = LoadResult(
            sent=self.sent,
            records=tuple(self._records),
            elapsed_s=max(last_s, planned_s),
            cpu_s=cpu_s,
        )
        _ = result.counts  # raises if the sums do not hold
        return result

    async def _connection(self, deadline_s: float) -> Connection | Loss:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        left_s = max(deadline_s - time.monotonic(), 0.0)
        return await connect(self._target, left_s, source=self._source)

    def _record(self, due: _Due, sent_s: float, answer: Reply | Loss) -> Record:
        outcome, cause = self._outcome(due.request, answer)
        replica = answer.header(REPLICA_HEADER) if isinstance(answer, Reply) else b""
        record = Record(
            request=due.request,
            intended_s=due.intended_s - self._began_s,
            taken_s=due.taken_s - self._began_s,
            sent_s=sent_s - self._began_s,
            done_s=answer.done_s - self._began_s,
            outcome=outcome,
            status=answer.status if isinstance(answer, Reply) else 0,
            cause=cause,
            replica=replica.decode("latin-1"),
        )
        self._records.append(record)
        self.progress.ended(record)
        return record

    def _outcome(self, request: int, answer: Reply | Loss) -> tuple[Outcome, str]:
        if isinstance(answer, Loss):
            return Outcome.LOST, answer.cause.value
        if answer.status == 200:
            fault = self._judge.fault(request, answer.body)
            return (Outcome.WRONG, fault) if fault else (Outcome.RIGHT, "")
        if answer.status in REFUSED:
            return Outcome.REFUSED, f"status_{answer.status}"
        return Outcome.LOST, f"status_{answer.status}"


async def _closed(run: _Run, load: ClosedLoad) -> None:
    await run.warm(load.connections)
    ends_s = run.begin() + load.duration_s

    async def client() -> None:
        while time.monotonic() < ends_s and not run.stop.is_set() and run.sent < MAX_REQUESTS:
            record = await run.end(run.take())
            if record.outcome in {Outcome.LOST, Outcome.REFUSED}:
                await asyncio.sleep(_PAUSE_S)

    async with asyncio.TaskGroup() as clients:
        for _ in range(load.connections):
            clients.create_task(client())


async def _open(run: _Run, load: OpenLoad) -> None:
    schedule_s = poisson_arrivals(load.rate_per_s, load.duration_s, load.seed).tolist()
    await run.warm(min(load.max_connections, 16))
    slots = asyncio.Semaphore(load.max_connections)
    began_s = run.begin()

    async def request(due: _Due) -> None:
        async with slots:
            await run.end(due)

    # Bounded by the schedule, whose length the scenario bounds.
    async with asyncio.TaskGroup() as outstanding:
        for arrival_s in schedule_s:
            with suppress(TimeoutError):
                # The task of the arrival before only writes when the loop turns, and a late pacer
                # must let it: a time-out of nothing still turns the loop once.
                async with asyncio.timeout(began_s + arrival_s - time.monotonic()):
                    await run.stop.wait()
            if run.stop.is_set():
                return
            outstanding.create_task(request(run.take(began_s + arrival_s)))
