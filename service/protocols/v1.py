"""The V1 protocol: predict with JSON or a picture; one function works for every entrance."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import structlog

from service.batching.entry import Answer, Ask, Entry, Payload
from service.batching.fair import HIGH, LOW, NORMAL
from service.catalogue import ServedVersion
from service.codecs.json_rows import Form
from service.errors import Internal, Overloaded, ServiceError, Unfit, Unreadable, UnsupportedMedia
from service.inference.messages import Media
from service.log import Sampler
from service.protocols.http import (
    JSON,
    Client,
    ClientGone,
    Headers,
    Reply,
    error_reply,
    read_body,
    read_options,
    request_id,
)
from service.protocols.peer import PeerNames
from service.settings import Settings

OPTIONS = frozenset({"probabilities"})
PICTURES = (b"image/png", b"image/jpeg")
# The last is what `curl -d` says when it is told nothing else.
JSON_NAMES = (JSON, b"application/x-www-form-urlencoded")
SMALL_PICTURES_BYTES = 1 << 20
"""Up to this size a request's pictures share a batch with others."""
STALE_S = 0.005
"""For so long what was said of a request's chances holds; a body that takes longer asks again."""
PRIORITIES = {b"high": HIGH, b"normal": NORMAL, b"low": LOW}
_SWITCH = {"true": True, "1": True, "": True, "false": False, "0": False}

log = structlog.get_logger()


Find = Callable[[], ServedVersion]


class Read(NamedTuple):
    """A request that was read: what to compute, and the form of its answer."""

    payload: Payload
    form: Form


class PredictV1:
    """Answers predict requests.

    Args:
        settings: limits and times.
        sampler: which request lines are logged.
    """

    def __init__(self, settings: Settings, sampler: Sampler) -> None:
        self._create_future = asyncio.get_running_loop().create_future
        self._name = PeerNames(settings.trusted_proxies).name
        self._passes = sampler.passes
        self._max_body_bytes = settings.max_body_bytes
        self._inline_body_bytes = settings.inline_body_bytes
        self._timeout_s = settings.request_timeout_s
        self._max_timeout_s = settings.max_request_timeout_s

    async def handle(self, find: Find, raw: Headers, query: bytes, client: Client) -> Reply:
        """Answer one predict request; whatever goes wrong is an answer too.

        Args:
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
            return await self._answer(find, raw, query, client, id_)
        except ClientGone:
            raise
        except ServiceError as error:
            reply = error_reply(error, id_)
            if isinstance(error, Overloaded):
                with suppress(ServiceError):
                    find().metrics.count_shed(error.reason)
        except Exception:
            log.exception("defect", request_id=id_.decode())
            reply = error_reply(Internal("The service has a defect; its log tells more."), id_)
        with suppress(ServiceError):
            find().metrics.count(reply.status)
        self._note(None, reply.status, id_, monotonic() - started)
        return reply

    async def _answer(
        self, find: Find, raw: Headers, query: bytes, client: Client, id_: bytes
    ) -> Reply:
        served = find()
        ask = self._ask(served, raw, client)
        served.admit(ask)  # what cannot be served in time is refused before its body is read
        body = await read_body(client.receive, raw, self._max_body_bytes)
        started = monotonic()
        # Looked up now and not before: the version may have been swapped while the body came in.
        served = find()
        probabilities = bool(query) and _wants_probabilities(query, served)
        payload, form = self._read(served, raw.get(b"content-type", JSON), body)
        rows = payload.rows
        if payload.cells is None and served.tabular:
            rows = served.row_bytes.rows(len(body))
        parsed = monotonic()
        if rows != ask.rows:
            ask = ask._replace(rows=rows)
            served.admit(ask)
        elif parsed - ask.asked_at > STALE_S:
            served.admit(ask)
        entry = Entry(payload, probabilities, ask, self._create_future())
        served.submit(entry)
        client.waiting = entry.future
        try:
            answer: Answer = await entry.future
        finally:
            client.waiting = None
        answered = monotonic()
        text = answer.text
        if text is None:
            text = served.encoder.encode(form, answer.predictions, answer.probabilities)
        done = monotonic()
        queue_s, predict_s, transfer_s = answer.timing
        stages = (parsed - started, queue_s, predict_s, transfer_s, done - answered)
        served.metrics.observe(stages, done - started)
        served.metrics.rows += answer.rows
        served.row_bytes.learn(len(body), answer.rows)
        served.metrics.count(200)
        self._note(served, 200, id_, done - started, answer.rows)
        headers = [(b"content-type", JSON), (b"x-request-id", id_), _server_timing(stages)]
        return Reply(200, text, headers)

    def _read(self, served: ServedVersion, content_type: bytes, body: bytes) -> Read:
        kind = content_type.partition(b";")[0].strip().lower()
        if kind in JSON_NAMES:
            if served.pack is None:
                rows = body.count(b'"b64"') or 1
                joins = len(body) <= SMALL_PICTURES_BYTES
                return Read(Payload(rows, None, body, Media.JSON, joins), "instances")
            if len(body) > self._inline_body_bytes:
                # Reading it here would hold up everybody else.
                return Read(Payload(1, None, body, Media.JSON, joins=False), "instances")
            form, table, _ = served.requests.parse(body)
            cells = served.pack(table)
            return Read(Payload(cells.rows, cells), form)
        if kind in PICTURES and served.pack is None:
            joins = len(body) <= SMALL_PICTURES_BYTES
            return Read(Payload(1, None, body, Media.IMAGE, joins), "instance")
        taken = [JSON] if served.tabular else [JSON, *PICTURES]
        names = ", ".join(name.decode() for name in taken)
        raise UnsupportedMedia(f"{served.manifest.name} takes {names}; say so by Content-Type.")

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


def _wants_probabilities(query: bytes, served: ServedVersion) -> bool:
    if query == b"probabilities=true":
        wanted = True
    else:
        text = read_options(query, OPTIONS).get("probabilities", "false").lower()
        if text not in _SWITCH:
            raise Unreadable("probabilities is true or false.", code="unknown_option")
        wanted = _SWITCH[text]
    if wanted and not served.has_probabilities:
        raise Unfit(f"{served.manifest.name} has no probabilities.", code="no_probabilities")
    return wanted


def _server_timing(stages: tuple[float, float, float, float, float]) -> tuple[bytes, bytes]:
    parse, queue, predict, transfer, encode = stages
    return (
        b"server-timing",
        b"parse;dur=%.3f, queue;dur=%.3f, predict;dur=%.3f, transfer;dur=%.3f, encode;dur=%.3f"
        % (parse * 1e3, queue * 1e3, predict * 1e3, transfer * 1e3, encode * 1e3),
    )
