"""Sends prepared requests, never retries, and records each one's end.

    taken up ──▶ connection ──▶ written ──▶ Reply | Loss ──▶ Record

A request ends in exactly one Outcome. A connection that was lost is replaced for the next request
only.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.http1 import Address, Connection, Loss, LossCause, Reply, connect
from loadtest.judge import Judge
from loadtest.payload import Request
from loadtest.plan import Share
from loadtest.progress import Progress
from loadtest.record import LoadResult, Outcome, Record

REFUSED = frozenset({429, 503})
REPLICA_HEADER = b"x-percore-replica"

_STAGE = re.compile(rb"\b(parse|queue|predict|transfer|encode);dur=([0-9]+(?:\.[0-9]+)?)(?![0-9.])")


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    address: Address
    timeout_s: float
    source: str | None = None
    """The address that the target shall see as the client's."""


@dataclass(frozen=True, slots=True)
class Due:
    """A request that was taken up; times as time.monotonic() gives them."""

    request: int
    intended_s: float
    taken_s: float


class Sender:
    """Takes requests up, sends them, and records each one's end.

    Args:
        target: where to connect, and how long a request may take.
        requests: what can be sent.
        share: of which process the records are.
    """

    def __init__(self, target: Target, requests: Sequence[Request], share: Share) -> None:
        # per load
        self._target = target
        self._wires = [request.wire for request in requests]
        self._rows = [request.rows for request in requests]
        self._judge = Judge([request.expected for request in requests])
        self._share = share
        self._progress = share.progress or Progress()
        self._idle: list[Connection] = []
        self._began_s = 0.0
        # per request
        self.sent = 0
        self._records: list[Record] = []

    async def begin(self) -> float:
        """Start the clock, in step with the other processes, and return it."""
        start = self._share.start
        self._began_s = time.monotonic() if start is None else await start()
        return self._began_s

    def take(self, request: int, intended_s: float | None = None) -> Due:
        """Take a request up: from here on it must end in a record."""
        now_s = time.monotonic()
        self.sent += 1
        self._progress.taken()
        return Due(request, now_s if intended_s is None else intended_s, now_s)

    async def end(self, due: Due) -> Record:
        """Send a request, wait for its end and record it."""
        deadline_s = due.intended_s + self._target.timeout_s
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
        address, source = self._target.address, self._target.source
        timeout_s = self._target.timeout_s
        opened = await asyncio.gather(
            *(connect(address, timeout_s, source=source) for _ in range(connections))
        )
        self._idle += [each for each in opened if isinstance(each, Connection)]

    def result(self, cpu_s: float, planned_s: float) -> LoadResult:
        """Close the connections and return what happened.

        Args:
            cpu_s: what the process spent.
            planned_s: how long the load was to last, at the least.

        Raises:
            ValueError: a request ended never or twice.
        """
        for connection in self._idle:
            connection.abort()
        last_s = max((record.done_s for record in self._records), default=0.0)
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
        return await connect(self._target.address, left_s, source=self._target.source)

    def _record(self, due: Due, sent_s: float, answer: Reply | Loss) -> Record:
        outcome, cause = self._outcome(due.request, answer)
        replica, timing = b"", b""
        if isinstance(answer, Reply):
            replica, timing = answer.header(REPLICA_HEADER), answer.header(b"server-timing")
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
            rows=self._rows[due.request],
            process=self._share.index,
            **_stages_s(timing),
        )
        self._records.append(record)
        self._progress.ended(record)
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


def _stages_s(timing: bytes) -> dict[str, float]:
    """Read what Server-Timing says of each stage, in milliseconds; no number, no stage."""
    return {f"{name.decode()}_s": float(ms) / 1000 for name, ms in _STAGE.findall(timing)}
