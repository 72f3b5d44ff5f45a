"""A request on its way through the service: it carries its own future."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from service.codecs.cells import Cells
from service.inference.messages import Media


class Timing(NamedTuple):
    """Where the time of an answered request went, in seconds."""

    queue_s: float
    predict_s: float
    other_s: float
    """Reading and writing in the worker, and the way there and back."""


class Answer(NamedTuple):
    """What a worker answered: rows to be encoded, or a text that is encoded already."""

    predictions: Sequence[Any]
    probabilities: Sequence[Any] | None
    text: bytes | None
    rows: int
    timing: Timing


class Payload(NamedTuple):
    """What a worker shall compute."""

    rows: int
    """Rows, as far as they are known before the worker has read a body."""
    cells: Cells | None
    """The parsed rows, or None if the worker reads `body`."""
    body: bytes = b""
    """What the client sent, if the worker reads it."""
    media: Media = Media.CELLS
    joins: bool = True
    """Whether it may share a batch with others; a large table travels alone."""


class Entry:
    """One accepted request; the API process owns it until its future is done.

    Args:
        payload: what shall be computed.
        probabilities: whether the client asked for them.
        deadline: monotonic seconds; after it nobody waits for the answer.
        future: gets an `Answer` or a `ServiceError`.

    Attributes:
        enqueued_at: monotonic seconds.
        sent_at: when its batch left for a worker; 0.0 while it waits.
    """

    __slots__ = (
        "deadline",
        "enqueued_at",
        "future",
        "payload",
        "probabilities",
        "sent_at",
    )

    def __init__(
        self,
        payload: Payload,
        probabilities: bool,
        deadline: float,
        future: "asyncio.Future[Answer]",
    ) -> None:
        self.payload = payload
        self.probabilities = probabilities
        self.deadline = deadline
        self.future = future
        self.enqueued_at = 0.0
        self.sent_at = 0.0
