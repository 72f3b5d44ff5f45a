"""A request on its way through the service: it knows who waits for it."""

from typing import NamedTuple, Protocol

from service.batching.answer import Answer
from service.codecs.cells import Cells
from service.codecs.flags import Warnings
from service.errors import DeadlineExceeded, ServiceError
from service.inference.messages import Media


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
    partial: bool = False
    """Whether rows that fail are told of, and the others answered; such a one travels alone."""

    @property
    def size_bytes(self) -> int:
        """Return how large it is on its way to a worker."""
        cells = self.cells
        if cells is None:
            return len(self.body)
        return len(cells.numbers) + len(cells.lengths) + len(cells.text)

    @property
    def warnings(self) -> Warnings | None:
        """Return what the answer shall tell of the rows; a worker tells it of those it reads."""
        return None if self.cells is None else self.cells.warnings


class Ask(NamedTuple):
    """Who wants how much by when: what admission needs to know, known from the headers."""

    client: str
    """Whose share it is of."""
    priority: int
    deadline: float
    """Monotonic seconds; after it nobody waits for the answer."""
    rows: int = 1
    """Rows, as far as they can be told."""
    asked_at: float = 0.0
    """Monotonic seconds; its time began then."""


class Waiter(Protocol):
    """Who waits for a request: a future, or whoever writes the answer at once.

    It is told in the middle of the batcher's work, so it must neither raise nor submit.
    """

    def done(self) -> bool:
        """Return whether nobody waits any more: it was answered, or its client has gone."""

    def set_result(self, result: Answer, /) -> None:
        """Take the answer."""

    def set_exception(self, exception: ServiceError, /) -> None:
        """Hear that there is none."""


class Entry:
    """One accepted request; the API process owns it until its future is done.

    Args:
        payload: what shall be computed.
        probabilities: whether the client asked for them.
        ask: who wants it, and by when.
        future: who waits for it.

    Attributes:
        rows: rows, as far as they are known.
        cost_s: the seconds of a worker that it will probably take.
        enqueued_at: monotonic seconds.
        sent_at: when its batch left for a worker; 0.0 while it waits.
        deaths: workers that have died over it.
    """

    __slots__ = (
        "client",
        "cost_s",
        "deadline",
        "deaths",
        "enqueued_at",
        "future",
        "payload",
        "priority",
        "probabilities",
        "rows",
        "sent_at",
    )

    def __init__(
        self,
        payload: Payload,
        probabilities: bool,
        ask: Ask,
        future: Waiter,
    ) -> None:
        self.payload = payload
        self.probabilities = probabilities
        self.client, self.priority, self.deadline, self.rows, _ = ask
        self.future = future
        self.cost_s = 0.0
        self.enqueued_at = 0.0
        self.sent_at = 0.0
        self.deaths = 0

    def resolve(self, answer: Answer | ServiceError) -> None:
        """Answer the request, unless its client is gone or its time was over."""
        if self.future.done():
            return
        if isinstance(answer, ServiceError):
            self.future.set_exception(answer)
        else:
            self.future.set_result(answer)

    def expire(self, now: float) -> None:
        """Answer the request if its time is over; `now` is in monotonic seconds."""
        if now > self.deadline:
            self.give_up()

    def give_up(self) -> None:
        """Answer that the request's time is over."""
        if not self.future.done():
            self.resolve(DeadlineExceeded("The request's time was over before it was answered."))
