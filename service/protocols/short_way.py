"""The short way in: an ordinary predict request is answered without ASGI.

    parser ──▶ Connection ──▶ ShortRequest ──▶ Prediction ──▶ batcher ┄┄ worker
                    ▲              │  ▲                                    ┊
                    └── one write ─┘  └┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ answer ┄┄┄┄┄┄┄┄┄┄┄┄┘

No scope, no task, no coroutine and no future: a request is one object, which the batcher calls when
it is answered. What is not ordinary (a long or compressed body, one without a length, a stream, a
question behind an unanswered one) takes uvicorn's way, and meets the same `Prediction` there.
"""

from collections.abc import Iterator, Mapping

from service.errors import ServiceError
from service.metrics import Gauge
from service.protocols.cors import Cors
from service.protocols.head import Head
from service.protocols.http import JSON, Headers
from service.protocols.known_heads import KnownHeads
from service.protocols.terms import Terms
from service.protocols.whole_answer import Openings
from service.protocols.wire import Find, Wire
from service.settings import Settings

LENGTH_DIGITS = 9
SHORT_BYTES = 16 << 10
"""A longer body takes longer to read than ASGI costs, and may be computed in parts."""
UNUSUAL = (b"content-encoding", b"expect", b"transfer-encoding", b"upgrade")
"""Whoever sends one of these headers wants something that takes more than one step."""


class ShortWay:
    """Which requests are answered without ASGI, and what they have in common.

    Args:
        terms: what holds for all predictions.
        settings: limits.
        cors: marks answers for pages of other origins; None if there are none.

    Attributes:
        terms: as given.
        paths: raw path of a predict request → its protocol, and who finds its version.
        heads: those that were taken before.
        openings: what good answers begin with.
        taken: requests that came this way.
        cors: as given.
    """

    def __init__(self, terms: Terms, settings: Settings, cors: Cors | None) -> None:
        self.paths: Mapping[bytes, tuple[Wire, Find]] = {}
        self.heads = KnownHeads()
        self.openings = Openings()
        self.taken = 0
        self.terms = terms
        self._max_body_bytes = min(SHORT_BYTES, settings.inline_body_bytes, settings.max_body_bytes)
        self.cors = cors

    def serve(self, paths: Mapping[bytes, tuple[Wire, Find]]) -> None:
        """Take the paths of what is served from now on."""
        self.paths = paths
        self.heads.forget()

    def head(self, known: tuple[Wire, Find], raw: Headers, query: bytes) -> Head | None:
        """Return what a head says, or None: its request is not whole, plain and short.

        Args:
            known: what its path means.
            raw: headers by lower-case name.
            query: the query string.
        """
        length = raw.get(b"content-length", b"")
        if not (length.isdigit() and len(length) <= LENGTH_DIGITS):
            return None
        if int(length) > self._max_body_bytes or not raw.keys().isdisjoint(UNUSUAL):
            return None
        if raw.get(b"content-type", JSON) != JSON and _may_stream(known, raw, query):
            return None
        return Head(known, raw, query, int(length))

    def gauges(self) -> Iterator[Gauge]:
        """Yield what Prometheus shall know."""
        text = "Predict requests that were answered without ASGI"
        yield "percore_short_way_requests_total", text, self.taken


def _may_stream(known: tuple[Wire, Find], raw: Headers, query: bytes) -> bool:
    """Return whether a body streams through, or is refused for how it would."""
    wire, find = known
    try:
        return wire.streaming(find(), query, raw) is not None
    except ServiceError:
        return True
