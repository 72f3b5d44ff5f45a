"""Connections to one replica, kept open between requests."""

import asyncio
import time

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.relay import OpenReply, RelayConnection, open_relay
from loadtest.balancer.stream import BodyStream
from loadtest.http1 import Loss, Reply


class Upstream:
    """The way to one replica.

    Every connection carries one request at a time; how many there are is bounded by how many
    requests the balancer lets be outstanding on the replica.
    """

    def __init__(self, replica: Replica, config: BalancerConfig) -> None:
        self._replica = replica
        self._config = config
        self._idle: list[RelayConnection] = []

    async def ask(
        self, wire: bytes, body: BodyStream | None, *, bodiless: bool, streamable: bool
    ) -> Reply | OpenReply | Loss:
        """Send one request, once, and return its end, or the beginning of a large answer.

        A cancelled caller aborts the connection: the replica sees that its client has gone.

        Args:
            wire: the request; its head only if there is a `body`.
            body: follows as it comes.
            bodiless: the answer has no body (HEAD).
            streamable: a large answer may be given before it is whole.
        """
        connection = self._take_idle() or await self._open()
        if isinstance(connection, Loss):
            return connection
        kept = False
        try:
            answer = await self._exchange(
                connection, wire, body, bodiless=bodiless, streamable=streamable
            )
            kept = isinstance(answer, OpenReply) or connection.usable
        finally:
            if not kept:
                connection.abort()
        if isinstance(answer, OpenReply):
            answer.rest.at_end(lambda whole: self._ended(connection, whole=whole))
        elif connection.usable:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().abort()

    async def _open(self) -> RelayConnection | Loss:
        config = self._config
        return await open_relay(
            self._replica.address,
            config.connect_timeout_s,
            config.max_body_bytes,
            config.stream_above_bytes,
        )

    async def _exchange(
        self,
        connection: RelayConnection,
        wire: bytes,
        body: BodyStream | None,
        *,
        bodiless: bool,
        streamable: bool,
    ) -> Reply | Loss:
        waiting = connection.begin(
            wire, self._config.answer_timeout_s, bodiless=bodiless, streamable=streamable
        )
        if body is None:
            return await waiting
        feeding = asyncio.ensure_future(connection.feed(body, waiting))
        try:
            answer = await waiting
        finally:
            early = not feeding.done()
            feeding.cancel()
        if early and not isinstance(answer, OpenReply):
            # The replica answered before it had read everything: nothing can follow on it.
            connection.abort()
        return answer

    def _ended(self, connection: RelayConnection, *, whole: bool) -> None:
        if whole and connection.usable:
            self._idle.append(connection)
        else:
            connection.abort()

    def _take_idle(self) -> RelayConnection | None:
        """Return the connection used last, if it is fresh enough to be trusted."""
        oldest_s = time.monotonic() - self._config.upstream_idle_s
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since_s >= oldest_s:
                return connection
            connection.abort()
        return None
