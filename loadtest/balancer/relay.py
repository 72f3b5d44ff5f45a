"""A connection to a replica whose large answers can be passed on before they are whole."""

import asyncio
import time
from dataclasses import dataclass

from loadtest.balancer.stream import LAST_CHUNK, BodyCutError, BodyStream, framed
from loadtest.connection import Connection
from loadtest.http1 import Address, Loss, LossCause, Reply


@dataclass(frozen=True, slots=True)
class OpenReply(Reply):
    """An answer whose head and first bytes are there; the rest follows."""

    rest: BodyStream

    def announced_bytes(self) -> int | None:
        """Return the length of the whole body, if the replica said it."""
        value = self.header(b"content-length")
        return int(value) if value.isdigit() else None


class RelayConnection(Connection):
    """Like its base, but resolves to an OpenReply once an answer is larger than `stream_above`.

    Args:
        max_answer_bytes: a longer body is malformed, unless it streams.
        stream_above_bytes: the size from which a body streams.
    """

    def __init__(self, max_answer_bytes: int, stream_above_bytes: int) -> None:
        super().__init__(max_answer_bytes)
        self._stream_above_bytes = stream_above_bytes
        self._asked: asyncio.Future[Reply | Loss] | None = None
        self._rest: BodyStream | None = None
        self._streamable = False
        self._writable = asyncio.Event()
        self._writable.set()

    def begin(
        self, wire: bytes, timeout_s: float, *, bodiless: bool, streamable: bool
    ) -> asyncio.Future[Reply | Loss]:
        """Send a request as `ask` does; `streamable` says whether an OpenReply is welcome."""
        self._streamable = streamable and not bodiless
        self._asked = self.ask(wire, timeout_s, bodiless=bodiless)
        return self._asked

    async def feed(self, body: BodyStream, answer: asyncio.Future[Reply | Loss]) -> None:
        """Send a request's body as it comes, until its end or an answer that came before it."""
        chunked = body.length is None
        try:
            async for piece in body.pieces():
                await self._writable.wait()
                if answer.done() or not self._open or self._transport is None:
                    return
                self._transport.write(framed(piece, chunked=chunked))
        except BodyCutError:
            self.abort()
            return
        if chunked and self._open and self._transport is not None and not answer.done():
            self._transport.write(LAST_CHUNK)

    # asyncio's side

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # the parser's side

    def on_body(self, body: bytes) -> None:
        if self._rest is not None and self._reply is None:
            self._rest.push(body)
            return
        super().on_body(body)
        if self._streamable and self._body_bytes > self._stream_above_bytes:
            self._open_reply()

    def _open_reply(self) -> None:
        asked, transport = self._asked, self._transport
        if self._reply is not None or asked is None or asked.done() or transport is None:
            return
        if self._parser.get_status_code() >= 500:
            return  # a failure may be tried again, and so must not have begun
        self._rest = BodyStream(
            transport.pause_reading, transport.resume_reading, self.abort, length=None
        )
        # The base is told nothing, so that the connection counts as busy until the end.
        asked.set_result(
            OpenReply(
                status=self._parser.get_status_code(),
                reason=self._reason,
                headers=self._headers,
                body=b"".join(self._body),
                keep_alive=self._parser.should_keep_alive(),
                done_s=time.monotonic(),
                rest=self._rest,
            )
        )
        self._body = []

    def _lose(self, cause: LossCause) -> None:
        super()._lose(cause)
        self._writable.set()

    def _tell(self, answer: Reply | Loss) -> None:
        rest, self._rest = self._rest, None
        super()._tell(answer)
        # Not before it is known whether the connection can be used again: it may be, at once.
        if rest is not None:
            rest.end(whole=isinstance(answer, Reply))


async def open_relay(
    address: Address, timeout_s: float, max_answer_bytes: int, stream_above_bytes: int
) -> RelayConnection | Loss:
    """Open a connection; one that cannot be had in time is a Loss, not an exception."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(
                lambda: RelayConnection(max_answer_bytes, stream_above_bytes),
                address.host,
                address.port,
            )
    except TimeoutError:
        return Loss(LossCause.TIMEOUT, time.monotonic())
    except OSError:
        return Loss(LossCause.CONNECT, time.monotonic())
    return connection
