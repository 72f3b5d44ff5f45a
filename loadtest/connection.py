"""One HTTP/1.1 connection from the asking side: a request's bytes out, one whole answer in.

The generator and the balancer both ask through it. It never retries, never resends and never
takes half an answer for a whole one: what is sent comes to exactly one Reply or Loss.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import httptools

from loadtest.http1 import Address, Headers, Loss, LossCause, Reply

Answered = Callable[[Reply | Loss], None]

_READ_BYTES = 1 << 14
"""What one read takes at most. asyncio's own buffer, 256 KiB and a new one for every read, costs
more than the read."""


class Connection(asyncio.BufferedProtocol):
    """An established connection with at most one request outstanding.

    Args:
        max_answer_bytes: a longer body is malformed.
    """

    def __init__(self, max_answer_bytes: int = 1 << 30) -> None:
        # per connection
        self._max_answer_bytes = max_answer_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._open = False
        self.idle_since_s = 0.0
        # per request
        self._answered: Answered | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reply: Reply | None = None
        self._began = False
        self._bodiless = False
        self._in_trailer = False
        self._reason = b""
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    @property
    def usable(self) -> bool:
        """Whether a request may be sent: open, and none is outstanding."""
        return self._open and self._answered is None

    def send(self, wire: bytes, answered: Answered, *, bodiless: bool = False) -> None:
        """Send a request.

        Args:
            wire: the whole request.
            answered: is told once what it came to, and may then send the next one. On a connection
                that has ended it is told at once.
            bodiless: the answer has no body whatever its headers say (HEAD).

        Raises:
            RuntimeError: a request is outstanding.
        """
        if self._answered is not None:
            raise RuntimeError("a request is outstanding on this connection")
        if not self._open or self._transport is None:
            # It can end between being opened and being used.
            answered(Loss(LossCause.CLOSED, time.monotonic()))
            return
        self._answered = answered
        self._began, self._bodiless = False, bodiless
        self._transport.write(wire)

    def ask(
        self, wire: bytes, timeout_s: float, *, bodiless: bool = False
    ) -> asyncio.Future[Reply | Loss]:
        """Send a request and return the future of its answer.

        Args:
            wire: the whole request.
            timeout_s: after it the answer is lost and the connection aborted.
            bodiless: the answer has no body whatever its headers say (HEAD).

        Raises:
            RuntimeError: a request is outstanding.
        """
        asked: asyncio.Future[Reply | Loss] = self._loop.create_future()

        def answered(answer: Reply | Loss) -> None:
            if not asked.done():
                asked.set_result(answer)

        self.send(wire, answered, bodiless=bodiless)
        if self._answered is not None:
            self._timer = self._loop.call_later(timeout_s, self._lose, LossCause.TIMEOUT)
        return asked

    def abort(self) -> None:
        """Close at once; an outstanding request is lost."""
        self._lose(LossCause.CUT if self._began else LossCause.CLOSED)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport, self._open = cast("asyncio.Transport", transport), True
        self.idle_since_s = time.monotonic()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._began = True
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._lose(LossCause.MALFORMED)
        # Not before the parser is through: whoever is told may send the next request, and what
        # comes after this answer was not asked for.
        reply, self._reply = self._reply, None
        if reply is not None:
            self._tell(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lose(LossCause.CUT if self._began else LossCause.CLOSED)

    # the parser's side

    def on_message_begin(self) -> None:
        self._reason, self._headers, self._body, self._body_bytes = b"", [], [], 0
        self._in_trailer = False
        if self._answered is None or self._reply is not None:
            # An answer that nobody asked for: the next request must not take it for its own.
            self._close()

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_trailer:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_trailer = True
        if self._bodiless and self._parser.get_status_code() >= 200:
            # The parser would wait for the body that Content-Length speaks of.
            self._finish(keep_alive=False)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > self._max_answer_bytes:
            self._lose(LossCause.MALFORMED)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._finish(keep_alive=self._parser.should_keep_alive())

    def _finish(self, *, keep_alive: bool) -> None:
        if self._answered is None or self._reply is not None:
            self._close()
            return
        self.idle_since_s = time.monotonic()
        self._reply = Reply(
            status=self._parser.get_status_code(),
            reason=self._reason,
            headers=self._headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            keep_alive=keep_alive,
            done_s=self.idle_since_s,
        )
        self._began = False
        if not keep_alive:
            self._close()

    def _lose(self, cause: LossCause) -> None:
        self._close()
        if self._reply is None:
            # Otherwise the answer is whole, and what is lost came after it.
            self._tell(Loss(cause, time.monotonic()))

    def _tell(self, answer: Reply | Loss) -> None:
        answered, self._answered = self._answered, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if answered is not None:
            answered(answer)

    def _close(self) -> None:
        self._open = False
        if self._transport is not None:
            self._transport.abort()


async def connect(
    address: Address,
    timeout_s: float,
    max_answer_bytes: int = 1 << 30,
    source: str | None = None,
) -> Connection | Loss:
    """Open a connection; one that cannot be had in time is a Loss, not an exception.

    Args:
        address: where to.
        timeout_s: how long it may take.
        max_answer_bytes: a longer body is malformed.
        source: the address that the other end shall see; None leaves it to the system.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(
                lambda: Connection(max_answer_bytes),
                address.host,
                address.port,
                local_addr=None if source is None else (source, 0),
            )
    except TimeoutError:
        return Loss(LossCause.TIMEOUT, time.monotonic())
    except OSError:
        return Loss(LossCause.CONNECT, time.monotonic())
    return connection
