"""A request on the short way: a prediction that waits for its own answer, and has it written."""

from typing import ClassVar, Protocol

from service.batching.answer import Answer
from service.errors import ServiceError
from service.protocols.head import Head
from service.protocols.http import Headers, Reply
from service.protocols.prediction import Prediction
from service.protocols.terms import Terms
from service.protocols.wire import Written


class Answering(Protocol):
    """A connection on which short requests are answered.

    Attributes:
        address: where it comes from.
    """

    address: str

    def answer(self, request: "ShortRequest", reply: Reply) -> None:
        """Write the reply, unless there is nobody any more."""

    def answer_well(self, request: "ShortRequest", written: Written, timing: bytes) -> None:
        """Write what was asked for, and as `Server-Timing` where the time went."""


class Nobody:
    """Where uvicorn sets an event for who waits for a request's body: here nobody does."""

    def set(self) -> None:
        """Wake nobody."""


class ShortRequest(Prediction):
    """One request on the short way: the waiter of its entry, and a cycle to uvicorn's connection.

    Args:
        terms: what holds for all predictions.
        connection: where it came from.
        head: what its head says.
        keep_alive: whether another request may follow its answer.

    Attributes:
        body: what has come of it.
        is_whole: whether all of it has.
        disconnected: whether its client has gone, or its connection was refused.
        response_started: whether it was answered.
    """

    __slots__ = (
        "_connection",
        "_is_begun",
        "body",
        "disconnected",
        "is_whole",
        "keep_alive",
        "response_complete",
        "response_started",
    )

    message_event: ClassVar[Nobody] = Nobody()

    def __init__(self, terms: Terms, connection: Answering, head: Head, keep_alive: bool) -> None:
        super().__init__(terms, head)
        self._connection = connection
        self._is_begun = self.is_whole = False
        self.keep_alive = keep_alive
        self.body = b""
        self.disconnected = self.response_started = self.response_complete = False

    @property
    def scope(self) -> dict[str, Headers]:
        """Return the headers where a cycle has them."""
        return {"headers": self.head.raw}

    def go_on(self) -> None:
        """Do what can be done: let it pass or refuse it; read it, and let it wait for a worker."""
        try:
            if not self._is_begun:
                self._is_begun = True
                self.begin(self._connection.address)
            if not self.is_whole:
                return
            question = self.read(self.body)
            if question.reader is not None:
                question = question._replace(payload=question.reader(), reader=None)
            entry = self.entry(question, self)
            self.served.submit(entry)
        except Exception as error:
            self.set_exception(error)

    # As the waiter of its entry

    def done(self) -> bool:
        """Return whether nobody waits any more."""
        return self.disconnected or self.response_started

    def set_result(self, result: Answer, /) -> None:
        """Write the answer."""
        try:
            written, timing = self.write(result)
        except Exception as error:
            self.set_exception(error)
        else:
            self._connection.answer_well(self, written, timing)

    def set_exception(self, exception: Exception | ServiceError, /) -> None:
        """Write why there is none."""
        self._connection.answer(self, self.refuse(exception))
