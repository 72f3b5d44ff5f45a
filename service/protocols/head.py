"""What the head of a predict request says: read once, however often the same bytes come."""

from collections.abc import Callable

from service.batching.fair import HIGH, LOW, NORMAL
from service.catalogue import ServedVersion
from service.errors import Unreadable
from service.protocols.http import JSON, Headers
from service.protocols.terms import Terms
from service.protocols.wire import Find, Question, Wire

PRIORITIES = {b"high": HIGH, b"normal": NORMAL, b"low": LOW}


class Head:
    """The head of one predict request, or of many that are the same.

    Args:
        known: what its path means: its protocol, and who finds its version.
        raw: headers by lower-case name; nobody changes them.
        query: the query string.
        body_bytes: the length of the body, if the head tells it.

    Attributes:
        is_json: whether its body is JSON by the type that it says, or says none.
    """

    __slots__ = (
        "_asked",
        "_reader",
        "_served",
        "body_bytes",
        "find",
        "is_json",
        "query",
        "raw",
        "wire",
    )

    def __init__(
        self, known: tuple[Wire, Find], raw: Headers, query: bytes, body_bytes: int | None
    ) -> None:
        self.wire, self.find = known
        self.raw = raw
        self.query = query
        self.body_bytes = body_bytes
        self.is_json = raw.get(b"content-type", JSON) == JSON
        self._asked: tuple[float, int] | None = None
        self._served: ServedVersion | None = None
        self._reader: Callable[[bytes], Question] | None = None

    def asked(self, terms: Terms) -> tuple[float, int]:
        """Return the seconds that a request has, and its priority.

        Raises:
            Unreadable: a header that tells one of them cannot be read.
        """
        if self._asked is None:
            self._asked = self._timeout_s(terms), self._priority()
        return self._asked

    def reader(self, served: ServedVersion) -> Callable[[bytes], Question]:
        """Return what reads bodies under this head for a version, as `Wire.reader` does."""
        reader = self._reader
        if reader is None or served is not self._served:
            reader = self._reader = self.wire.reader(served, self.query, self.raw)
            self._served = served
        return reader

    def _timeout_s(self, terms: Terms) -> float:
        if b"x-request-timeout-ms" not in self.raw:
            return terms.timeout_s
        return terms.timeout_of(self.raw)

    def _priority(self) -> int:
        if b"x-priority" not in self.raw:
            return NORMAL
        asked = PRIORITIES.get(self.raw[b"x-priority"].strip().lower())
        if asked is None:
            raise Unreadable("X-Priority is high, normal or low.", code="bad_header")
        return asked
