"""Which bodies stream through, and how many at a time."""

import math
from typing import NamedTuple, Protocol

import structlog

from service.batching.entry import Ask
from service.catalogue import ServedVersion
from service.codecs.part_sizes import PartSizes
from service.errors import NotAcceptable, Overloaded
from service.inference.messages import Media
from service.inference.parts import Form
from service.protocols.http import JSON, Client, Headers, Reply, length_of
from service.protocols.stream_answers import joiner
from service.protocols.stream_parts import ArrowParts, CsvParts, Parts
from service.protocols.stream_source import StreamSource
from service.protocols.streams import AHEAD, Order, Stream
from service.settings import Settings

WHOLE_BYTES = 256 << 10
"""Up to this size a body is computed whole, whatever it is."""
ARROW_TYPE = b"application/vnd.apache.arrow.stream"
CSV_TYPE = b"text/csv; charset=utf-8; header=present"
TYPES = {Form.JSON: JSON, Form.CSV: CSV_TYPE, Form.ARROW: ARROW_TYPE}

log = structlog.get_logger()


class Streaming(NamedTuple):
    """A request whose body may stream through."""

    media: Media
    form: Form
    probabilities: bool


def answer_headers(form: Form, version: int) -> list[tuple[bytes, bytes]]:
    """Return what an answer is, and, where its body has no place for it, who computed it."""
    return [(b"content-type", TYPES[form]), (b"x-model-version", b"%d" % version)]


class Note(Protocol):
    """Writes the line of a request that was answered."""

    def __call__(
        self, served: ServedVersion, status: int, id_: bytes, total_s: float, rows: int
    ) -> None:
        """Write it, if it is its turn."""


class Streams:
    """The streams of a replica.

    Args:
        settings: limits and times.
        note: writes the line of a stream that ended well.
    """

    def __init__(self, settings: Settings, note: Note) -> None:
        self._whole_bytes = min(WHOLE_BYTES, settings.max_body_bytes)
        self._max_body_bytes = settings.max_body_bytes
        self._max_stream_bytes = settings.max_stream_bytes
        self._max_streams = settings.max_streams
        self._part_s = settings.request_timeout_s
        self._workers = settings.worker_count()
        self._note = note
        self._open = 0

    async def answer(
        self,
        streaming: Streaming,
        served: ServedVersion,
        raw: Headers,
        ask: Ask,
        client: Client,
        id_: bytes,
    ) -> bytes | Reply:
        """Return the body, if it is short; else the answer's beginning.

        Args:
            streaming: what is asked.
            served: who answers, and all of it.
            raw: headers by lower-case name.
            ask: who asks.
            client: gives the body, and may go.
            id_: the request's.

        Raises:
            ServiceError: it is refused, or something is wrong with the body so far.
            ClientGone: there is nobody to answer.
        """
        sizes = self._sizes(served.part_sizes.get(streaming.media), length_of(raw))
        served.admit(ask._replace(rows=min(ask.rows, served.row_bytes.rows(sizes.size_bytes))))
        source = StreamSource(client, self._max_stream_bytes)
        # Probabilities stand behind all predictions in JSON: such an answer cannot be in pieces.
        is_whole = streaming.form is Form.JSON and streaming.probabilities
        whole_bytes = self._max_body_bytes if is_whole else self._whole_bytes
        beginning = await source.begin(raw, whole_bytes)
        if source.is_over and len(beginning) <= whole_bytes:
            return beginning
        if is_whole:
            raise NotAcceptable(
                "A body of this size is answered while it comes in, and probabilities stand behind "
                "all predictions in JSON: ask for them by Accept: text/csv or "
                f"{ARROW_TYPE.decode()}."
            )
        if self._open >= self._max_streams:
            raise Overloaded("Too many streams are open; try again in a moment.")
        self._open += 1
        stream = self._stream(streaming, served, raw, ask, client, (source, sizes, id_))
        try:
            body = await stream.begin(beginning)
        except BaseException:
            self._open -= 1
            raise
        headers = answer_headers(streaming.form, served.manifest.version)
        return Reply(200, body, [*headers, (b"x-request-id", id_)], stream)

    def _stream(
        self,
        streaming: Streaming,
        served: ServedVersion,
        raw: Headers,
        ask: Ask,
        client: Client,
        of: tuple[StreamSource, PartSizes, bytes],
    ) -> Stream:
        source, sizes, id_ = of
        asked_ms = raw.get(b"x-request-timeout-ms")
        deadline = math.inf if asked_ms is None else ask.asked_at + int(asked_ms[:12]) / 1000
        order = Order(
            served,
            streaming.probabilities,
            ask.client,
            ask.priority,
            self._part_s,
            deadline,
            self._workers,
        )

        def on_end(rows: int, reason: str | None, total_s: float) -> None:
            self._open -= 1
            if reason is None:
                served.metrics.count(200)
                self._note(served, 200, id_, total_s, rows)
                return
            served.metrics.count_aborted(reason)
            log.warning(
                "stream_aborted",
                model=served.manifest.name,
                version=served.manifest.version,
                request_id=id_.decode(),
                rows=rows,
                s=total_s,
                reason=reason,
            )

        served.part_sizes[streaming.media] = sizes
        parts = self._parts(streaming, served, sizes)
        return Stream(order, client, source, (parts, sizes), joiner(streaming.form, served), on_end)

    def _sizes(self, former: PartSizes | None, length: int | None) -> PartSizes:
        """Return how large parts are to begin with.

        Who does not tell the body's length may make it while it goes, and wait for answers.
        """
        if length is None:
            return PartSizes()
        return PartSizes(former, length // (self._workers + AHEAD))

    def _parts(self, streaming: Streaming, served: ServedVersion, sizes: PartSizes) -> Parts:
        if streaming.media is Media.ARROW:
            return ArrowParts(streaming.form, sizes, self._max_body_bytes)
        names = frozenset(served.rows.names if served.rows is not None else ())
        return CsvParts(names, streaming.form, sizes, self._max_body_bytes)
