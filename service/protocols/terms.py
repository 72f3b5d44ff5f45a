"""What holds for all predict requests of a replica: whose they are, their time, their log lines."""

import structlog

from service.batching.entry import Ask
from service.catalogue import ServedVersion
from service.errors import Unreadable
from service.log import Sampler
from service.protocols.http import Headers
from service.protocols.keys import ApiKeys
from service.protocols.peer import PeerNames
from service.protocols.wire import Question
from service.settings import Settings

log = structlog.get_logger()


class Terms:
    """What holds for all predict requests of a replica.

    Args:
        settings: limits and times.
        sampler: which request lines are logged.
        keys: who may ask; None if everybody may.

    Attributes:
        name: returns whose request it is, by address or by key; raises `Unauthenticated`.
    """

    def __init__(self, settings: Settings, sampler: Sampler, keys: ApiKeys | None = None) -> None:
        self.name = PeerNames(settings.trusted_proxies).name if keys is None else keys.name
        self.timeout_s = settings.request_timeout_s
        self._max_timeout_s = settings.max_request_timeout_s
        self._passes = sampler.passes

    def timeout_of(self, raw: Headers) -> float:
        """Return the seconds that a request's headers give it.

        Raises:
            Unreadable: they are no number.
        """
        text = raw[b"x-request-timeout-ms"]
        if not text.isdigit() or not int(text[:12]) > 0:
            raise Unreadable(
                "X-Request-Timeout-Ms is a whole number of milliseconds.", code="bad_header"
            )
        return min(int(text[:12]) / 1000, self._max_timeout_s)

    def hurried(self, ask: Ask, question: Question) -> Ask:
        """Return what is asked, with what the body says of its time and priority."""
        if question.timeout_s is not None:
            timeout_s = min(question.timeout_s, self._max_timeout_s)
            ask = ask._replace(deadline=ask.asked_at + timeout_s)
        if question.priority is not None:
            ask = ask._replace(priority=question.priority)
        return ask

    def note(
        self, served: ServedVersion | None, status: int, id_: bytes, total_s: float, rows: int = 0
    ) -> None:
        """Write the line of a request that was answered, if it is its turn."""
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
