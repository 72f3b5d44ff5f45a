"""One HTTP/1.1 connection from the asking side: a request's bytes out, one whole answer in.

The generator and the balancer both ask through it. It never retries, never resends and never
takes half an answer for a whole one: `ask` resolves to exactly one Reply or Loss.
"""

import asyncio
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import httptools

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class LossCause(StrEnum):
    """Why there is no answer."""

    CONNECT = "connect"
    """No connection could be had."""
    CLOSED = "closed"
    """The connection ended before the first byte of the answer."""
    CUT = "cut"
    """The connection ended in the middle of the answer."""
    MALFORMED = "malformed"
    """What came is not HTTP, or longer than allowed."""
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `done_s` is when its last byte was read, by time.monotonic()."""

    status: int
    reason: bytes
    headers: Headers
    body: bytes
    keep_alive: bool
    done_s: float

    def header(self, name: bytes) -> bytes:
        """Return the first header of this lower-case name, or empty bytes."""
        return next((value for key, value in self.headers if key.lower() == name), b"")


@dataclass(frozen=True, slots=True)
class Loss:
    """No answer. `done_s` is when that was known, by time.monotonic()."""

    cause: LossCause
    done_s: float


class Connection(asyncio.Protocol):
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
        self._open = False
        self.idle_since_s = 0.0
        # per request
        self._waiting: asyncio.Future[Reply | Loss] | None = None
        self._timer: asyncio.TimerHandle | None = None
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
        return self._open and self._waiting is None

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
        if self._waiting is not None:
            raise RuntimeError("a request is outstanding on this connection")
        waiting: asyncio.Future[Reply | Loss] = self._loop.create_future()
        if not self._open or self._transport is None:
            # It can end between being opened and being used.
            waiting.set_result(Loss(LossCause.CLOSED, time.monotonic()))
            return waiting
        self._waiting = waiting
        self._timer = self._loop.call_later(timeout_s, self._lose, LossCause.TIMEOUT)
        self._began, self._bodiless = False, bodiless
        self._transport.write(wire)
        return waiting

    def abort(self) -> None:
        """Close at once; an outstanding request is lost."""
        self._lose(LossCause.CUT if self._began else LossCause.CLOSED)

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport, self._open = cast("asyncio.Transport", transport), True
        self.idle_since_s = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self._began = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._lose(LossCause.MALFORMED)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._lose(LossCause.CUT if self._began else LossCause.CLOSED)

    # the parser's side

    def on_message_begin(self) -> None:
        self._reason, self._headers, self._body, self._body_bytes = b"", [], [], 0
        self._in_trailer = False
        if self._waiting is None:
            # An answer that nobody asked for: the next request must not take it for its own.
            self._lose(LossCause.MALFORMED)

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
        now_s = time.monotonic()
        waiting = self._take_waiting()
        if waiting is None:
            self._lose(LossCause.MALFORMED)
            return
        reply = Reply(
            status=self._parser.get_status_code(),
            reason=self._reason,
            headers=self._headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
            keep_alive=keep_alive,
            done_s=now_s,
        )
        self._began = False
        self.idle_since_s = now_s
        if not keep_alive:
            self._close()
        if not waiting.done():
            waiting.set_result(reply)

    def _lose(self, cause: LossCause) -> None:
        waiting = self._take_waiting()
        self._close()
        if waiting is not None and not waiting.done():
            waiting.set_result(Loss(cause, time.monotonic()))

    def _take_waiting(self) -> asyncio.Future[Reply | Loss] | None:
        waiting, self._waiting = self._waiting, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return waiting

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


def head(start_line: bytes, headers: Headers) -> bytes:
    """Return a message's head, blank line included."""
    lines = [start_line, *(name + b": " + value for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"
