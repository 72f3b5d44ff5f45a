"""The reverse proxy's front: reads requests of clients and writes their answers in order.

    client ──▶ ClientConnection ──▶ Forwarder ──▶ Attempts ──▶ Dispatcher, Upstream ──▶ replica
           ◀── in order of asking ◀── bytes, or a beginning and the rest as it comes ◀──

No ready replica is 503, an upstream that cannot be reached or closes without an answer is 502, one
that is too slow 504, and one that ends in the middle of its answer ends the client's connection as
well: half an answer must look like one.
"""

import asyncio
import time
from collections import deque
from typing import cast

import httptools

from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.forwarder import Following, Forwarder
from loadtest.balancer.messages import Inbound, own_answer
from loadtest.balancer.stream import LAST_CHUNK, BodyCutError, BodyStream, framed
from loadtest.http1 import Headers

_MAX_PIPELINED = 16
"""Requests of one client read ahead; beyond it nothing more is read until one is answered."""


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
        self._stream: BodyStream | None = None
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
        if self._stream is not None:
            self._stream.end(whole=False)
        if self._task is not None:
            self._task.cancel()

    # the parser's side

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body, self._body_bytes = b"", [], [], 0
        self._stream, self._in_trailer = None, False

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
        self._body_bytes += len(body)
        if self._body_bytes > self._config.max_body_bytes:
            self._refuse_large()
        elif self._stream is not None:
            self._stream.push(body)
        else:
            self._body.append(body)
            if self._body_bytes > self._config.stream_above_bytes and not self._closing:
                self._begin_stream()

    def on_message_complete(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end(whole=True)
            return
        if self._closing:
            return
        request = self._inbound(b"".join(self._body), None)
        self._body = []
        self._closing = not request.keep_alive
        self._enqueue(request)

    def _inbound(self, body: bytes, stream: BodyStream | None) -> Inbound:
        return Inbound(
            method=self._parser.get_method(),
            path=self._path,
            headers=self._headers,
            body=body,
            keep_alive=self._parser.should_keep_alive(),
            version=self._parser.get_http_version(),
            stream=stream,
        )

    def _begin_stream(self) -> None:
        """Pass on what is there of a large body, and the rest as it comes."""
        transport = self._transport
        if transport is None:
            return
        lengths = [value for name, value in self._headers if name.lower() == b"content-length"]
        length = int(lengths[0]) if lengths else None
        self._stream = BodyStream(
            transport.pause_reading, transport.resume_reading, self.hang_up, length
        )
        for piece in self._body:
            self._stream.push(piece)
        self._body = []
        self._enqueue(self._inbound(b"", self._stream))

    def _refuse_large(self) -> None:
        self._body.clear()
        if self._stream is not None:
            # Its beginning is with a replica already.
            self._stream.end(whole=False)
            self._stream = None
            self.hang_up()
        self._refuse(413, "The request is too large for the balancer", "too_large")

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
                goes_on = await self._answer(item, transport)
                if not goes_on:
                    return
                async with asyncio.timeout(self._config.client_idle_s):
                    await self._writable.wait()
        except TimeoutError:
            # The client does not read what it asked for.
            self.hang_up()
        finally:
            self.idle_since_s = time.monotonic()
            self._task = None

    async def _answer(self, item: Inbound | bytes, transport: asyncio.Transport) -> bool:
        """Answer one request and return whether the connection goes on."""
        if isinstance(item, bytes):
            transport.write(item)
            transport.close()
            return False
        answer = await self._forwarder.answer(item, self._client)
        if answer is None:
            transport.abort()
            return False
        if isinstance(answer, Following):
            await self._pass_on(answer, transport)
        else:
            transport.write(answer)
        unread = item.stream is not None and item.stream.whole is not True
        if unread or not item.keep_alive or transport.is_closing():
            transport.close()
            return False
        return True

    async def _pass_on(self, answer: Following, transport: asyncio.Transport) -> None:
        """Write an answer as it comes; one that is cut aborts the connection."""
        try:
            transport.write(answer.begin)
            async for piece in answer.rest.pieces():
                async with asyncio.timeout(self._config.client_idle_s):
                    await self._writable.wait()
                transport.write(framed(piece, chunked=answer.chunked))
            if answer.chunked:
                transport.write(LAST_CHUNK)
        except BodyCutError:
            transport.abort()
        finally:
            answer.rest.abandon()
