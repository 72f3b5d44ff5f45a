"""What a protocol is to the one path that all predictions take."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from service.batching.answer import Answer
from service.batching.entry import Payload
from service.catalogue import ServedVersion
from service.errors import ServiceError
from service.protocols.http import Headers, Reply
from service.protocols.streaming import Streaming

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

    def reader(
        self, served: ServedVersion, query: bytes, headers: Headers
    ) -> Callable[[bytes], Question]:
        """Return what `read` is for this query and these headers; it may be kept.

        Raises:
            ServiceError: they cannot be read.
        """

    def streaming(self, served: ServedVersion, query: bytes, headers: Headers) -> Streaming | None:
        """Return what is asked if its body may stream through; raises a `ServiceError`."""

    def write(self, served: ServedVersion, question: Question, answer: Answer) -> Written:
        """Return the answer's body."""

    def refuse(self, error: ServiceError, id_: bytes) -> Reply:
        """Return the answer that an error is."""


class Whole(ABC):
    """What protocols have in common whose bodies are always computed whole."""

    @abstractmethod
    def read(self, served: ServedVersion, query: bytes, headers: Headers, body: bytes) -> Question:
        """Return what is asked; raises a `ServiceError` that says what is wrong with it."""

    def reader(
        self, served: ServedVersion, query: bytes, headers: Headers
    ) -> Callable[[bytes], Question]:
        """Return what reads bodies under a head: nothing of that is worth doing before."""
        return partial(self.read, served, query, headers)

    def streaming(self, served: ServedVersion, query: bytes, headers: Headers) -> Streaming | None:
        """Return None: nothing streams."""
        del served, query, headers
        return None
