"""The reverse proxy: a request in whole, to one replica, its answer back whole.

    client ──▶ ClientConnection ──▶ Forwarder.answer ──▶ policy.select ──▶ Upstream.ask
           ◀── in order of asking ◀──────────────────── policy.outcome ◀── Reply | Loss

It never retries. No ready replica is 503, an upstream that cannot be reached or closes without an
answer is 502, one that is too slow 504, and one that ends in the middle of its answer ends the
client's connection as well: half an answer must look like one.
"""

import asyncio
import time
from collections import deque
from typing import cast

import httptools

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.messages import Inbound, forwarded_answer, forwarded_request, own_answer
from loadtest.balancer.policy import Policy
from loadtest.balancer.upstream import Upstream
from loadtest.http1 import Headers, Loss, LossCause

_MAX_PIPELINED = 16
"""Requests of one client read ahead; beyond it nothing more is read until one is answered."""


class Forwarder:
    """Chooses a replica for a request and asks it."""

    def __init__(self, config: BalancerConfig, policy: Policy) -> None:
        self._config = config
        self._policy = policy
        self._upstreams = {each.name: Upstream(each, config) for each in config.replicas}

    async def answer(self, request: Inbound, client: str) -> bytes | None:
        """Return the bytes of the answer; None if the client's connection must be aborted."""
        keep_alive = request.keep_alive
        replica = self._policy.select()
        if replica is None:
            return own_answer(503, "No replica is ready", "no_replica", keep_alive=keep_alive)
        try:
            if self._policy.outstanding(replica) > self._config.max_outstanding:
                return own_answer(
                    503, "The replica is full", "full", replica, keep_alive=keep_alive
                )
            bodiless = request.method == b"HEAD"
            reply = await self._upstreams[replica].ask(
                forwarded_request(request, client), bodiless=bodiless
            )
        finally:
            self._policy.outcome(replica)
        if isinstance(reply, Loss):
            return self._failed(reply.cause, replica, keep_alive=keep_alive)
        return forwarded_answer(reply, replica, bodiless=bodiless, keep_alive=keep_alive)

    def close(self) -> None:
        for upstream in self._upstreams.values():
            upstream.close()

    def _failed(self, cause: LossCause, replica: str, *, keep_alive: bool) -> bytes | None:
        if cause is LossCause.CUT:
            return None
        if cause is LossCause.CONNECT:
            # It fails faster than the others work, and would draw the load to itself until the
            # next probe. The next probe that is answered brings it back.
            self._policy.set_ready(replica, ready=False)
        if cause is LossCause.TIMEOUT:
            return own_answer(
                504, "The replica did not answer in time", "timeout", replica, keep_alive=keep_alive
            )
        return own_answer(
            502, "The replica did not answer", cause.value, replica, keep_alive=keep_alive
        )


class ClientConnection(asyncio.Protocol):
    """One client: reads requests, has them answered one after the other, in order."""

    def __init__(
        self, forwarder: Forwarder, config: BalancerConfig, open_: set["ClientConnection"]
    ) -> None:
        # per connection
        self._forwarder = forwarder
        self._config = config
        self._open = open_
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._client = ""
        self._queue: deque[Inbound | bytes] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._closing = False
        self.idle_since_s = time.monotonic()
        # per request
        self._path = b""
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._in_trailer = False

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._task is not None

    def hang_up(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if peer else "unknown"
        self._writable.set()
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self.idle_since_s = time.monotonic()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400, "The request is not HTTP/1.1 that can be forwarded", "malformed")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._open.discard(self)
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    # the parser's side

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body, self._body_bytes = b"", [], [], 0
        self._in_trailer = False

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_trailer:
            return
        self._headers.append((name, value))
        if name.lower() == b"expect" and self._transport and not self._queue and not self.busy:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        self._in_trailer = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > self._config.max_body_bytes:
            self._body.clear()
            self._refuse(413, "The request is too large for the balancer", "too_large")

    def on_message_complete(self) -> None:
        if self._closing:
            return
        request = Inbound(
            method=self._parser.get_method(),
            path=self._path,
            headers=self._headers,
            body=b"".join(self._body),
            keep_alive=self._parser.should_keep_alive(),
            version=self._parser.get_http_version(),
        )
        self._body = []
        self._closing = not request.keep_alive
        self._enqueue(request)

    def _refuse(self, status: int, reason: str, code: str) -> None:
        if not self._closing:
            self._closing = True
            self._enqueue(own_answer(status, reason, code))

    def _enqueue(self, item: Inbound | bytes) -> None:
        self._queue.append(item)
        if len(self._queue) >= _MAX_PIPELINED and self._transport is not None:
            self._transport.pause_reading()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Answer what is queued; ends when the queue is empty."""
        transport = self._transport
        try:
            while self._queue and transport is not None:
                item = self._queue.popleft()
                if len(self._queue) < _MAX_PIPELINED:
                    transport.resume_reading()
                answer = (
                    item
                    if isinstance(item, bytes)
                    else await self._forwarder.answer(item, self._client)
                )
                if answer is None:
                    transport.abort()
                    return
                transport.write(answer)
                if isinstance(item, bytes) or not item.keep_alive:
                    transport.close()
                    return
                async with asyncio.timeout(self._config.client_idle_s):
                    await self._writable.wait()
        except TimeoutError:
            # The client does not read what it asked for.
            self.hang_up()
        finally:
            self.idle_since_s = time.monotonic()
            self._task = None
