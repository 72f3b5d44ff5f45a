"""Sends prepared requests on a bounded number of connections, never retries, and ends each once.

    taken up ──▶ waiting, in order ──▶ connection ──▶ written ──▶ Reply | Loss ──▶ told
       │                                                              ▲
       └── in order of their deadlines ─────▶ time is up ─────────────┘

All of it happens in callbacks of the event loop: what is due is written at once where a connection
is free, and an answer frees its connection for the request that has waited longest. A request has
one time-out, the same for all, from its intended start; so those that are out end in the order in
which they were taken up, and one timer, at the first of them, is enough.

A connection that was lost is replaced for the next request only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from loadtest.connection import Connection, connect
from loadtest.flight import Flight
from loadtest.http1 import Address, Loss, LossCause, Reply
from loadtest.record import Outcome
from loadtest.recording import Recorder


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    address: Address
    timeout_s: float
    """How long a request may take from its intended start."""
    max_connections: int
    source: str | None = None
    """The address that the target shall see as the client's."""


class Sender:
    """Takes requests up, sends them, and tells what they came to.

    Args:
        target: where to connect, how often, and how long a request may take.
        wires: what can be sent.
        recorder: judges and keeps each end.
    """

    def __init__(self, target: Target, wires: Sequence[bytes], recorder: Recorder) -> None:
        # per load
        self._target = target
        self._wires = wires
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        """For whoever paces the load to say that it is; a defect of ours is set on it, too."""
        self._opening: set[asyncio.Task[Connection | Loss]] = set()
        self._timer: asyncio.TimerHandle | None = None
        # per request
        self._idle: list[Connection] = []
        self._busy = 0
        self._waiting: deque[Flight] = deque()
        """Without a connection; those that have ended meanwhile are passed over."""
        self._out: deque[Flight] = deque()
        """Taken up, in that order; the first of them has not ended."""

    @property
    def taken(self) -> int:
        """How many requests were taken up."""
        return self._recorder.taken

    @property
    def outstanding(self) -> bool:
        """Whether any request that was taken up has not ended."""
        return bool(self._out)

    async def warm(self, connections: int) -> None:
        """Open connections before the clock starts; one that fails is left to the requests."""
        opened = await asyncio.gather(*(self._connect() for _ in range(connections)))
        self._idle += [each for each in opened if isinstance(each, Connection)]

    def take(
        self, request: int, then: Callable[[Outcome], None], intended_s: float | None = None
    ) -> None:
        """Take a request up: from here on it must end.

        Args:
            request: which.
            then: is told, once, how it ended.
            intended_s: when it was due; None: now. In the order in which they are due.
        """
        now_s = time.monotonic()
        flight = Flight(request, now_s if intended_s is None else intended_s, now_s, then)
        self._recorder.take()
        self._out.append(flight)
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline_s(flight), self._expire)
        self._waiting.append(flight)
        self._advance()

    def close(self) -> None:
        """Close every connection; what is outstanding is broken off and nobody told."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._opening:
            task.cancel()
        self._waiting.clear()
        for flight in list(self._out):
            flight.then = None
            if flight.connection is not None:
                flight.connection.abort()
        for connection in self._idle:
            connection.abort()

    def _deadline_s(self, flight: Flight) -> float:
        return flight.intended_s + self._target.timeout_s

    def _advance(self) -> None:
        """Send what waits, as far as there are connections for it, and open more if there may."""
        while (flight := self._first()) and (connection := self._usable()):
            self._waiting.popleft()
            self._busy += 1
            flight.connection, flight.sent_s = connection, time.monotonic()
            connection.send(self._wires[flight.request], partial(self._answered, flight))
        most = min(len(self._waiting), self._target.max_connections - self._busy)
        while len(self._opening) < most:
            task = self._loop.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _first(self) -> Flight | None:
        """Return who has waited longest, and end whoever waited until its time was up."""
        now_s = time.monotonic()
        while self._waiting:
            flight = self._waiting[0]
            if flight.outcome is None and now_s < self._deadline_s(flight):
                return flight
            self._waiting.popleft()
            if flight.outcome is None:
                self._end(flight, Loss(LossCause.TIMEOUT, now_s))
        return None

    def _usable(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self) -> Connection | Loss:
        target = self._target
        return await connect(target.address, target.timeout_s, source=target.source)

    def _opened(self, task: asyncio.Task[Connection | Loss]) -> None:
        """Give a new connection to whoever waits by now; if there is none, one request less does.

        Which one is the same for the counts. One that took too long ends nobody: whoever it was
        for is out of time.
        """
        self._opening.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._break(error)
            return
        opened = task.result()
        if isinstance(opened, Connection):
            self._idle.append(opened)
            if self.over.done():
                opened.abort()  # it came too late to be closed with the others
        elif opened.cause is not LossCause.TIMEOUT and (flight := self._first()):
            self._waiting.popleft()
            self._end(flight, opened)
        self._advance()

    def _answered(self, flight: Flight, answer: Reply | Loss) -> None:
        connection, flight.connection = flight.connection, None
        self._busy -= 1
        if connection is not None and connection.usable:
            self._idle.append(connection)
        self._advance()  # first: judging an answer may take a while
        if flight.outcome is None:
            self._end(flight, answer)

    def _expire(self) -> None:
        """End what has run out of time, and come again when the next one has."""
        now_s = time.monotonic()
        while self._out and not self.over.done():
            flight = self._out[0]
            if self._deadline_s(flight) > now_s:
                self._timer = self._loop.call_at(self._deadline_s(flight), self._expire)
                return
            self._end(flight, Loss(LossCause.TIMEOUT, now_s))
            if flight.connection is not None:
                flight.connection.abort()
        self._timer = None  # not before: who is told may take the next one up

    def _end(self, flight: Flight, answer: Reply | Loss) -> None:
        try:
            outcome = self._recorder.end(flight, answer)
        except Exception as error:
            self._break(error)
            return
        while self._out and self._out[0].outcome is not None:
            self._out.popleft()
        if flight.then is not None:
            flight.then(outcome)

    def _break(self, error: BaseException) -> None:
        """Let the load end with a defect of ours, not wait for what cannot come any more."""
        if not self.over.done():
            self.over.set_exception(error)
