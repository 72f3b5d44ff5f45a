"""Bodies that stream through: read, computed and answered part by part, in bounded memory.

    client ── receive ──▶ cutter ──▶ parts ──▶ Entry … worker   a few at a time, spread over all
    client ◀── send ───── joiner ◀── pieces, in the parts' order ◀──┘

The body is read on only when a part has been answered and its answer sent; so who reads slowly
sends slowly. The first part's answer goes with the status line: what is wrong with it is an
ordinary refusal. After that a failure cuts the connection before the answer's end.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from random import random
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import structlog

from service.batching.answer import Answer
from service.batching.entry import Ask, Entry, Payload
from service.batching.open_streams import OpenStreams
from service.catalogue import ServedVersion
from service.codecs.part_sizes import PartSizes
from service.errors import (
    DeadlineExceeded,
    FrameError,
    Internal,
    Overloaded,
    ServiceError,
    Unavailable,
)
from service.inference.messages import Media
from service.inference.parts import Piece, decode_piece
from service.protocols.http import Client, ClientGone, Reply, Send
from service.protocols.stream_answers import Joiner, in_whole
from service.protocols.stream_parts import Part, Parts
from service.protocols.stream_source import StreamSource

AHEAD = 2
"""Parts that wait beside those that workers compute, so that no worker waits for one."""
RETRY_S = 0.05
"""A part that is refused for want of time tries again after about so long."""

T = TypeVar("T")
log = structlog.get_logger()


class Order(NamedTuple):
    """What a stream asks for, beside its body."""

    served: ServedVersion
    probabilities: bool
    client: str
    priority: int
    part_s: float
    """The time that a part has."""
    deadline: float
    """The whole stream's, in monotonic seconds."""
    workers: int


class Done(NamedTuple):
    """A part that was computed."""

    part: Part
    piece: Piece
    rows: int


class Stream:
    """One body on its way through.

    Args:
        order: what is asked.
        client: who waits.
        source: gives the body.
        cutting: what cuts it, and how large.
        joiner: makes one answer of the pieces.
        on_end: hears at the end how many rows were answered, the reason if not all were, and how
            long that took, in seconds.
    """

    def __init__(
        self,
        order: Order,
        client: Client,
        source: StreamSource,
        cutting: tuple[Parts, PartSizes],
        joiner: Joiner,
        on_end: Callable[[int, str | None, float], None],
    ) -> None:
        self._order = order
        self._client = client
        self._source = source
        self._parts, self._sizes = cutting
        self._joiner = joiner
        self._on_end = on_end
        self._home: OpenStreams = order.served.streams
        self._room = asyncio.Semaphore(order.workers + AHEAD)
        self._queue: asyncio.Queue[asyncio.Future[Done] | None] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Future[Done]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._started = monotonic()
        self._rows = 0
        self._lines = 0

    async def begin(self, beginning: bytes) -> bytes:
        """Return the answer to the first part.

        Raises:
            ServiceError: it is refused, or something is wrong with the body so far.
            ClientGone: there is nobody to answer.
        """
        self._home.add(self)
        self._client.waiting = self._over
        if self._order.deadline < math.inf:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._order.deadline - monotonic(), self._time_out)
        if self._client.pace is not None:
            self._client.pace.begin_stream()
        try:
            self._reading = asyncio.create_task(self._read(beginning))
            first = await self._next()
        except BaseException:
            await self._close(whole=True)  # an ordinary answer says what is wrong
            raise
        return first or b""

    async def send(self, reply: Reply, send: Send) -> None:
        """Send the answer's beginning, and all that follows."""
        reason: str | None = "shutdown"  # nobody else cancels
        try:
            await self._unless_over(
                send({"type": "http.response.start", "status": 200, "headers": reply.headers})
            )
            data: bytes | None = reply.body
            while data is not None:
                await self._unless_over(self._write(send, data))
                data = await self._next()
            if self._client.pace is not None:
                self._client.pace.end_stream(whole=True)
            await send({"type": "http.response.body", "body": self._joiner.ending()})
            reason = None
        except ServiceError as error:
            reason = error.word
        except ClientGone:
            reason = "client_gone"
        except Exception:
            log.exception("defect")
            reason = Internal.code
        finally:
            await self._close(whole=reason is None)
            self._on_end(self._rows, reason, monotonic() - self._started)

    def cut(self) -> None:
        """End the stream: the version that answers it is taken out of service."""
        self._end(Unavailable("The version was taken out of service.", code="version_retired"))

    def _time_out(self) -> None:
        self._end(DeadlineExceeded("The request's time was over before it was answered."))

    def _end(self, error: ServiceError) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    async def _write(self, send: Send, data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    # The way in

    async def _read(self, beginning: bytes) -> None:
        """Cut the body, and have each part computed as soon as there is room for it."""
        try:
            self._parts.feed(beginning)
            is_over = False
            while True:
                part = self._parts.next()
                if part is not None:
                    await self._compute(part)
                elif is_over:
                    break
                elif self._source.is_over:
                    self._parts.end()
                    is_over = True
                else:
                    self._parts.feed(await self._source.more())
        except (ServiceError, ClientGone) as error:
            self._fail(error)
        except Exception:
            log.exception("defect")
            self._fail(Internal("The service has a defect; its log tells more."))
        else:
            self._queue.put_nowait(None)

    def _fail(self, error: Exception) -> None:
        """Let what was read before be answered first."""
        failed: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        failed.set_exception(error)
        self._tasks.add(failed)
        self._queue.put_nowait(failed)

    async def _compute(self, part: Part) -> None:
        if self._room.locked():
            self._source.hold()
        await self._room.acquire()
        task = asyncio.create_task(self._computed(part))
        self._tasks.add(task)
        self._queue.put_nowait(task)

    async def _computed(self, part: Part) -> Done:
        order = self._order
        deadline = min(monotonic() + order.part_s, order.deadline)
        answer = await self._accepted(part, deadline)
        _, predict_s, other_s = answer.timing
        self._sizes.learn(part.size_bytes, answer.rows, predict_s + other_s)
        try:
            return Done(part, decode_piece(answer.text or b""), answer.rows)
        except FrameError:
            raise Internal("A part of the stream has no answer.") from None

    async def _accepted(self, part: Part, deadline: float) -> Answer:
        """Return a part's answer; one that is refused for want of time tries again and again."""
        order, served = self._order, self._order.served
        payload = Payload(part.rows, None, part.body, Media.PART, joins=False)
        while True:
            now = monotonic()
            self._settle()
            ask = Ask(order.client, order.priority, deadline, part.rows, now)
            try:
                served.admit(ask)
                future = asyncio.get_running_loop().create_future()
                served.submit(Entry(payload, order.probabilities, ask, future))
                return await future  # type: ignore[no-any-return]
            except Overloaded:
                pause_s = RETRY_S * (1 + random())  # noqa: S311
                if part.is_first or now + pause_s > deadline:
                    raise
            await asyncio.sleep(pause_s)

    def _settle(self) -> None:
        """Go on in the generation that serves the version now, if that is another one."""
        if self._order.served.streams is not self._home:
            self._home.discard(self)
            self._home = self._order.served.streams
            self._home.add(self)

    # The way out

    async def _next(self) -> bytes | None:
        """Return the next piece of the answer, or None: there is no more."""
        computed = await self._unless_over(self._queue.get())
        if computed is None:
            return None
        try:
            part, piece, rows = await self._unless_over(computed)
        except ServiceError as error:
            raise in_whole(error, self._rows, self._lines) from None
        finally:
            self._tasks.discard(computed)
        data = self._joiner.piece(piece, self._rows)
        self._order.served.metrics.rows += rows
        self._rows += rows
        self._lines += part.lines
        self._room.release()
        return data

    async def _unless_over(self, awaited: Awaitable[T]) -> T:
        """Return what is waited for; raise what ends the stream if that comes first."""
        waiting = asyncio.ensure_future(awaited)
        both: set[asyncio.Future[Any]] = {waiting, self._over}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()
            return await waiting
        finally:
            waiting.cancel()

    async def _close(self, *, whole: bool) -> None:
        """Start nothing any more; leave nothing behind."""
        self._home.discard(self)
        self._client.waiting = None
        if self._timer is not None:
            self._timer.cancel()
        if self._client.pace is not None:
            self._client.pace.end_stream(whole=whole)
        if not self._over.cancel():
            self._over.exception()  # seen
        left: list[asyncio.Future[Any]] = [*self._tasks]
        if self._reading is not None:
            left.append(self._reading)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
