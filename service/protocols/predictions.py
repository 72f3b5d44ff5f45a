"""One prediction, whichever protocol asks for it: admission, batch, answer, figures.

bytes ── Wire.read ──▶ Question ──▶ Entry ──▶ batcher … worker ──▶ Answer ── Wire.write ──▶ bytes
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple, Protocol

import structlog

from service.batching.entry import Answer, Ask, Entry, Payload
from service.batching.fair import HIGH, LOW, NORMAL
from service.catalogue import ServedVersion
from service.errors import Internal, Overloaded, ServiceError, Unreadable
from service.log import Sampler
from service.protocols.aside import Aside
from service.protocols.http import (
    JSON,
    Client,
    ClientGone,
    Headers,
    Reply,
    read_body,
    request_id,
)
from service.protocols.keys import ApiKeys
from service.protocols.peer import PeerNames
from service.protocols.spread import Spread
from service.protocols.streaming import Streaming, Streams
from service.settings import Settings

STALE_S = 0.005
"""For so long what was said of a request's chances holds; a body that takes longer asks again."""
SPREAD_BYTES = 32 << 10
"""Up to this size a body is never computed in parts."""
PRIORITIES = {b"high": HIGH, b"normal": NORMAL, b"low": LOW}

log = structlog.get_logger()

Find = Callable[[], ServedVersion]
"""Returns the version that a path names now, or raises a `ServiceError`."""


class Question(NamedTuple):
    """A request that was read."""

    payload: Payload
    probabilities: bool
    form: Any
    """What its protocol needs to know to write the answer."""
    timeout_s: float | None = None
    """What the body asks for, if it does; counted from the request's beginning."""
    priority: int | None = None
    reader: Callable[[], Payload] | None = None
    """Reads the payload, if that takes so long that it is done in a thread."""


class Written(NamedTuple):
    """The body of an answer, and what it is."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    """Its content type first."""


class Wire(Protocol):
    """A protocol: how requests are read and answers are written."""

    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked; raises a `ServiceError` that says what is wrong with it."""

    def streaming(self, served: ServedVersion, query: bytes, headers: Headers) -> Streaming | None:
        """Return what is asked if its body may stream through; raises a `ServiceError`."""

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer's body."""

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the answer that an error is."""


class Whole:
    """What protocols have in common whose bodies are always computed whole."""

    def streaming(self, served: ServedVersion, query: bytes, headers: Headers) -> Streaming | None:
        """Return None: nothing streams."""
        del served, query, headers
        return None


class Predictions:
    """Answers predict requests of any protocol.

    Args:
        settings: limits and times.
        sampler: which request lines are logged.
        keys: who may ask; None if everybody may.
    """

    def __init__(self, settings: Settings, sampler: Sampler, keys: ApiKeys | None = None) -> None:
        self._create_future = asyncio.get_running_loop().create_future
        # Whose request it is, by address or by key: asked before the body is read.
        self._name = PeerNames(settings.trusted_proxies).name if keys is None else keys.name
        self._passes = sampler.passes
        self._aside = Aside().run
        self._streams = Streams(settings, self._note)
        self._spread = Spread(settings.worker_count(), settings.max_rows).answer
        self._max_body_bytes = settings.max_body_bytes
        self._timeout_s = settings.request_timeout_s
        self._max_timeout_s = settings.max_request_timeout_s

    async def handle(
        self, wire: Wire, find: Find, raw: Headers, query: bytes, client: Client
    ) -> Reply:
        """Answer one predict request; whatever goes wrong is an answer too.

        Args:
            wire: the protocol that it speaks.
            find: returns the version that the path names now, or raises a `ServiceError`.
            raw: headers by lower-case name.
            query: the query string.
            client: gives the body, and may go.

        Raises:
            ClientGone: there is nobody to answer.
        """
        id_ = request_id(raw)
        started = monotonic()
        try:
            return await self._answer(wire, find, raw, query, client, id_)
        except ClientGone:
            raise
        except ServiceError as error:
            reply = wire.refuse(error, id_)
            if isinstance(error, Overloaded):
                with suppress(ServiceError):
                    find().metrics.count_shed(error.reason)
        except Exception:
            log.exception("defect", request_id=id_.decode())
            reply = wire.refuse(Internal("The service has a defect; its log tells more."), id_)
        with suppress(ServiceError):
            find().metrics.count_failed(reply.status, monotonic() - started)
        self._note(None, reply.status, id_, monotonic() - started)
        return reply

    async def _answer(
        self, wire: Wire, find: Find, raw: Headers, query: bytes, client: Client, id_: bytes
    ) -> Reply:
        served = find()
        ask = self._ask(served, raw, client)
        streaming = None
        if raw.get(b"content-type", JSON) != JSON and b"content-encoding" not in raw:
            streaming = wire.streaming(served, query, raw)
        if streaming is None:
            served.admit(ask)  # what cannot be served in time is refused before its body is read
            body = await read_body(client.receive, raw, self._max_body_bytes)
        else:
            begun = await self._streams.answer(streaming, served, raw, ask, client, id_)
            if isinstance(begun, Reply):
                return begun
            body = begun
        started = monotonic()
        # Looked up now and not before: the version may have been swapped while the body came in.
        served = find()
        question = wire.read(served, query, raw, body)
        while question.reader is not None:
            read = await self._aside(question.reader, client)
            question = question._replace(payload=read, reader=None)
            if (now_served := find()) is not served:  # swapped while it was read
                served, question = now_served, wire.read(now_served, query, raw, body)
        payload = question.payload
        rows = payload.rows
        if payload.cells is None and served.tabular:
            rows = served.row_bytes.rows(len(body))
        parsed = monotonic()
        if question.timeout_s is not None or question.priority is not None:
            ask = self._hurried(ask, question)
        if rows != ask.rows or parsed - ask.asked_at > STALE_S:
            ask = ask._replace(rows=rows)
            served.admit(ask)
        entry = Entry(payload, question.probabilities, ask, self._create_future())
        answer = await self._computed(served, entry, client)
        answered = monotonic()
        text, headers = wire.write(served, question, answer)
        done = monotonic()
        queue_s, predict_s, transfer_s = answer.timing
        stages = (parsed - started, queue_s, predict_s, transfer_s, done - answered)
        served.metrics.observe(stages, done - started)
        served.metrics.rows += answer.rows
        served.row_bytes.learn(len(body), answer.rows)
        served.metrics.count(200)
        self._note(served, 200, id_, done - started, answer.rows)
        return Reply(200, text, [*headers, (b"x-request-id", id_), _server_timing(stages)])

    async def _computed(self, served: ServedVersion, entry: Entry, client: Client) -> Answer:
        """Return the answer to an admitted request."""
        if len(entry.payload.body) >= SPREAD_BYTES:
            answer = await self._spread(served, entry, client)
            if answer is not None:
                return answer
        served.submit(entry)
        client.waiting = entry.future
        try:
            return await entry.future
        finally:
            client.waiting = None

    def _ask(self, served: ServedVersion, raw: Headers, client: Client) -> Ask:
        """Return what the headers tell of a request; its time begins now."""
        timeout_s = self._timeout_s
        if b"x-request-timeout-ms" in raw:
            timeout_s = self._asked_timeout_s(raw[b"x-request-timeout-ms"])
        priority = NORMAL
        if b"x-priority" in raw:
            asked = PRIORITIES.get(raw[b"x-priority"].strip().lower())
            if asked is None:
                raise Unreadable("X-Priority is high, normal or low.", code="bad_header")
            priority = asked
        length = raw.get(b"content-length", b"")
        rows = served.row_bytes.rows(int(length)) if length.isdigit() else 1
        now = monotonic()
        return Ask(self._name(client.address, raw), priority, now + timeout_s, rows, now)

    def _asked_timeout_s(self, text: bytes) -> float:
        if not text.isdigit() or not int(text[:12]) > 0:
            raise Unreadable(
                "X-Request-Timeout-Ms is a whole number of milliseconds.", code="bad_header"
            )
        return min(int(text[:12]) / 1000, self._max_timeout_s)

    def _hurried(self, ask: Ask, question: Question) -> Ask:
        """Return what is asked, with what the body says of its time and priority."""
        if question.timeout_s is not None:
            timeout_s = min(question.timeout_s, self._max_timeout_s)
            ask = ask._replace(deadline=ask.asked_at + timeout_s)
        if question.priority is not None:
            ask = ask._replace(priority=question.priority)
        return ask

    def _note(
        self, served: ServedVersion | None, status: int, id_: bytes, total_s: float, rows: int = 0
    ) -> None:
        skipped = self._passes()
        if skipped is not None:
            log.info(
                "predict",
                model=None if served is None else served.manifest.name,
                status=status,
                request_id=id_.decode(),
                rows=rows,
                s=total_s,
                left_out=skipped,
            )


def _server_timing(stages: tuple[float, float, float, float, float]) -> tuple[bytes, bytes]:
    parse, queue, predict, transfer, encode = stages
    return (
        b"server-timing",
        b"parse;dur=%.3f, queue;dur=%.3f, predict;dur=%.3f, transfer;dur=%.3f, encode;dur=%.3f"
        % (parse * 1e3, queue * 1e3, predict * 1e3, transfer * 1e3, encode * 1e3),
    )
