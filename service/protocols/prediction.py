"""One predict request, from its head to its answer, whichever way it came in.

    begin: find, name, admit ──▶ read: bytes to a question ──▶ entry ┄ batcher, worker ┄▶ finish
                 └──────────────────────┴─────────────────────┴──────────▶ refuse: what went wrong

Nothing in here waits: who must wait (for a body, a thread, an answer) does so between the steps.
"""

from contextlib import suppress
from time import monotonic

import structlog

from service.batching.answer import Answer
from service.batching.entry import Ask, Entry, Waiter
from service.catalogue import ServedVersion
from service.errors import Internal, Overloaded, ServiceError
from service.protocols.head import Head
from service.protocols.http import Reply, request_id
from service.protocols.streaming import Streaming
from service.protocols.terms import Terms
from service.protocols.wire import Question, Written

STALE_S = 0.005
"""For so long what was said of a request's chances holds; a body that takes longer asks again."""

_new = tuple.__new__
log = structlog.get_logger()


class Prediction:
    """One predict request.

    Args:
        terms: what holds for all.
        head: what its head says.

    Attributes:
        head: as given.
        id: its X-Request-Id.
        served: the version that was found last.
        ask: who wants how much by when.
    """

    __slots__ = (
        "_body_bytes",
        "_parsed_at",
        "_question",
        "_read_at",
        "_started",
        "_terms",
        "ask",
        "head",
        "id",
        "served",
    )

    served: ServedVersion
    ask: Ask
    _question: Question

    def __init__(self, terms: Terms, head: Head) -> None:
        self._terms = terms
        self.head = head
        self.id = request_id(head.raw)
        self._read_at = 0.0
        self._started = monotonic()

    def begin(self, address: str) -> Streaming | None:
        """Find who answers, and let the request pass or refuse it, before its body is read.

        Args:
            address: where it comes from.

        Returns:
            What is asked if its body may stream through; then it has not been let pass yet.

        Raises:
            ServiceError: it is refused.
        """
        head = self.head
        served = self.served = head.find()
        timeout_s, priority = head.asked(self._terms)
        rows = 1 if head.body_bytes is None else served.row_bytes.rows(head.body_bytes)
        started, client = self._started, self._terms.name(address, head.raw)
        # What the named tuple's own constructor does, but for the call.
        self.ask = _new(Ask, (client, priority, started + timeout_s, rows, started))
        if not head.is_json and b"content-encoding" not in head.raw:
            streaming = head.wire.streaming(served, head.query, head.raw)
            if streaming is not None:
                return streaming
        served.admit(self.ask)  # what cannot be served in time is refused before its body is read
        return None

    def read(self, body: bytes) -> Question:
        """Return what the body asks; its rows may still have to be read aside.

        Raises:
            ServiceError: it cannot be read, or does not fit.
        """
        if not self._read_at:
            self._read_at = monotonic()
        self._body_bytes = len(body)
        # Looked up now and not before: the version may have been swapped while the body came in.
        served = self.served = self.head.find()
        return self.head.reader(served)(body)

    def is_swapped(self) -> bool:
        """Return whether the path names another version than the one that the body was read for.

        Raises:
            NotFound: it names none any more.
        """
        return self.head.find() is not self.served

    def entry(self, question: Question, waiter: Waiter) -> Entry:
        """Return what is to be computed; it may be submitted, or computed in parts.

        Args:
            question: as it was read, its rows with it.
            waiter: gets the `Answer`, for `finish`, or what to `refuse` with.

        Raises:
            ServiceError: it could not be served in time.
        """
        self._question = question
        served, ask, payload = self.served, self.ask, question.payload
        rows = payload.rows
        if payload.cells is None and served.tabular:
            rows = served.row_bytes.rows(self._body_bytes)
        parsed_at = self._parsed_at = monotonic()
        if question.timeout_s is not None or question.priority is not None:
            ask = self._terms.hurried(ask, question)
        if rows != ask.rows or parsed_at - ask.asked_at > STALE_S:
            ask = ask._replace(rows=rows)
            served.admit(ask)
        return Entry(payload, question.probabilities, ask, waiter)

    def finish(self, answer: Answer) -> Reply:
        """Return the reply that tells the answer; whatever goes wrong is a reply, too."""
        try:
            (text, headers), timing = self.write(answer)
        except Exception as error:
            return self.refuse(error)
        more = ((b"x-request-id", self.id), (b"server-timing", timing))
        return Reply(200, text, [*headers, *more])

    def write(self, answer: Answer) -> tuple[Written, bytes]:
        """Return the answer's body, and where its time went as `Server-Timing` says it; count it.

        Raises:
            Exception: it cannot be written; then nothing was counted.
        """
        served, answered_at = self.served, monotonic()
        written = self.head.wire.write(served, self._question, answer)
        done_at = monotonic()
        computed, queue_s, rows = answer.computed, answer.queue_s, answer.rows
        predict_s, transfer_s = computed.predict_s, computed.other_s
        parse_s, encode_s = self._parsed_at - self._read_at, done_at - answered_at
        total_s = done_at - self._read_at
        served.metrics.answered((parse_s, queue_s, predict_s, transfer_s, encode_s, total_s), rows)
        served.row_bytes.learn(self._body_bytes, rows)
        self._terms.note(served, 200, self.id, total_s, rows)
        if not computed.told:  # the same for all of a batch
            computed.told = b"predict;dur=%.3f, transfer;dur=%.3f" % (
                predict_s * 1e3,
                transfer_s * 1e3,
            )
        return written, b"parse;dur=%.3f, queue;dur=%.3f, %b, encode;dur=%.3f" % (
            parse_s * 1e3,
            queue_s * 1e3,
            computed.told,
            encode_s * 1e3,
        )

    def refuse(self, error: Exception) -> Reply:
        """Return the reply to a request that has no answer, and count it."""
        wire = self.head.wire
        if isinstance(error, ServiceError):
            reply = wire.refuse(error, self.id)
            if isinstance(error, Overloaded):
                with suppress(ServiceError):
                    self.head.find().metrics.count_shed(error.reason)
        else:
            log.error("defect", request_id=self.id.decode(), exc_info=error)
            defect = Internal("The service has a defect; its log tells more.")
            reply = wire.refuse(defect, self.id)
        total_s = monotonic() - self._started
        with suppress(ServiceError):
            self.head.find().metrics.count_failed(reply.status, total_s)
        self._terms.note(None, reply.status, self.id, total_s)
        return reply
