"""Connections to one replica, kept open between requests."""

import time

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.http1 import Connection, Loss, Reply, connect


class Upstream:
    """The way to one replica.

    Every connection carries one request at a time; how many there are is bounded by how many
    requests the balancer lets be outstanding on the replica.
    """

    def __init__(self, replica: Replica, config: BalancerConfig) -> None:
        self._replica = replica
        self._config = config
        self._idle: list[Connection] = []

    async def ask(self, wire: bytes, *, bodiless: bool) -> Reply | Loss:
        """Send one request, once, and return its end.

        A cancelled caller aborts the connection: the replica sees that its client has gone.
        """
        connection = self._take_idle()
        if connection is None:
            opened = await connect(
                self._replica.address, self._config.connect_timeout_s, self._config.max_body_bytes
            )
            if isinstance(opened, Loss):
                return opened
            connection = opened
        answered = False
        try:
            answer = await connection.ask(wire, self._config.answer_timeout_s, bodiless=bodiless)
            answered = True
        finally:
            if not answered:
                connection.abort()
        if connection.usable:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().abort()

    def _take_idle(self) -> Connection | None:
        """Return the connection used last, if it is fresh enough to be trusted."""
        oldest_s = time.monotonic() - self._config.upstream_idle_s
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since_s >= oldest_s:
                return connection
            connection.abort()
        return None
