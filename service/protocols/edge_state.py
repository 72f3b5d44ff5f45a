"""All connections together: their limits, their deadlines, and what is counted of them."""

import asyncio
import resource
from collections.abc import Iterator
from time import monotonic
from typing import Protocol

from service.metrics import Gauge
from service.settings import Settings

SWEEP_S = 0.25
MOST_CONNECTIONS = 10_000
FEWEST_CONNECTIONS = 16
PROBES = 16
"""Connections above the limit that may still ask for /health and /metrics."""
RESERVED_FILES = 64
FILES_A_WORKER = 4
"""Its socket and its pidfd, twice: its successor may be there before it has gone."""
STREAM_SHARE = 8
"""Of the bytes that may wait for all clients, this part may for one that sends before it reads."""
PATIENCE_S = 1.0
"""Nobody is dropped for the room that its answer takes before it had this time to read it."""


class Watched(Protocol):
    """A connection, as the sweep sees it.

    Attributes:
        unread_bytes: what its client had not taken at the last check.
        unread_since: since when bytes wait for its client; 0.0 if none do.
    """

    unread_bytes: int
    unread_since: float

    def check(self, now: float) -> None:
        """End it if its client is too slow."""

    def drop(self) -> None:
        """End it at once, with all that its client has not taken."""

    def last_answer(self) -> None:
        """Let the answer under way be its last."""


class EdgeState:
    """What the connections of a replica share.

    Args:
        settings: limits and times.

    Attributes:
        connections: all that are open, those above the limit left out.
        draining: whether every answer is the last of its connection.
        gone: clients that went while their request was worked on.
        slow: connections ended because their client was too slow.
        refused: connections ended for what came on them, or for their number.
    """

    def __init__(self, settings: Settings) -> None:
        self.header_timeout_s = settings.header_timeout_s
        self.body_timeout_s = settings.body_timeout_s
        self.write_timeout_s = settings.write_timeout_s
        self.max_header_bytes = settings.max_header_bytes
        self.max_body_bytes = settings.max_body_bytes
        self.max_chunks = settings.max_chunks
        self.max_connections = settings.max_connections or affordable(settings.worker_count())
        self.connections: set[Watched] = set()
        self.gone = 0
        self.slow = 0
        self.refused = 0
        self.max_stream_unread_bytes = settings.max_unread_bytes // STREAM_SHARE
        self._max_unread_bytes = settings.max_unread_bytes
        self._unread_bytes = 0
        self.draining = False
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def drain(self) -> None:
        """Let every answer from now on say `Connection: close`, and mean it."""
        self.draining = True
        for connection in self.connections:
            connection.last_answer()

    def close(self) -> None:
        """Stop looking for slow clients."""
        self._sweeper.cancel()

    def gauges(self) -> Iterator[Gauge]:
        """Yield what Prometheus shall know."""
        yield "percore_connections", "Open connections of clients", len(self.connections)
        yield "percore_connections_limit", "Most connections of clients", self.max_connections
        yield "percore_unread_bytes", "Bytes that clients have not taken", self._unread_bytes
        yield "percore_clients_gone_total", "Clients that went before their answer", self.gone
        yield "percore_clients_slow_total", "Connections ended for slowness", self.slow
        yield "percore_connections_refused_total", "Connections refused by a limit", self.refused

    def _sweep(self) -> None:
        """Look at every connection: one timer for all costs less than one for each request."""
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        now = monotonic()
        unread_bytes = 0
        for connection in list(self.connections):
            connection.check(now)
            unread_bytes += connection.unread_bytes
        self._unread_bytes = unread_bytes
        if unread_bytes > self._max_unread_bytes:
            self._make_room(now)

    def room(self) -> int:
        """Return how many more connections are let in, be it for probes alone."""
        return self.max_connections + PROBES - len(self.connections)

    def _make_room(self, now: float) -> None:
        """Drop those whose answers have waited longest until the rest fits into memory again."""
        waiting = [one for one in self.connections if 0 < one.unread_since < now - PATIENCE_S]
        for connection in sorted(waiting, key=lambda one: one.unread_since):
            if self._unread_bytes <= self._max_unread_bytes:
                return
            self._unread_bytes -= connection.unread_bytes
            connection.drop()


def affordable(workers: int) -> int:
    """Return how many connections the limit of open files leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    ours = RESERVED_FILES + PROBES + FILES_A_WORKER * workers
    return max(min(soft - ours, MOST_CONNECTIONS), FEWEST_CONNECTIONS)
