"""A connection that no client can hold: what the sweep does to it, and how it is refused."""

from time import monotonic
from typing import Any, ClassVar, NoReturn

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import ServiceError
from service.protocols.edge_state import EdgeState
from service.protocols.http import Headers
from service.protocols.one_write import OneWrite
from service.protocols.refusals import BENT, LATE_BODY, LATE_HEAD, StopParsing, on_the_wire

# What a connection waits for; from ENDING on nobody looks at what its client sends.
HEAD, BODY, IDLE, ENDING, LINGER = range(5)
LINGER_S = 1.0
"""How long a refused client may go on sending, so that it still sees why."""
PROBE_TIMEOUT_S = 1.0


class HeldToTime(HttpToolsProtocol):
    """uvicorn's connection, with absolute deadlines that the sweep of `EdgeState` watches.

    What waits for the service (a pipelined request, the answer under way) never counts against
    the client.
    """

    edge: ClassVar[EdgeState]
    _joined: OneWrite

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = b""
        """The newest request's, which uvicorn keeps; until there is one it has none."""
        self.unread_bytes = 0
        self.unread_since = 0.0
        self._phase = HEAD
        self._since = monotonic()
        self._bytes = 0
        """Received in this phase."""
        self._chunks = 0
        self._is_probe = False
        self._refusal: ServiceError = BENT
        self._running: Any = None
        """The request that is worked on, uvicorn's cycle or a short one; `cycle` is the newest."""

    def check(self, now: float) -> None:
        """End the connection if its client is too slow."""
        self.unread_bytes = self.transport.get_write_buffer_size()
        if not self.unread_bytes:
            self.unread_since = 0.0
        elif not self.unread_since:
            self.unread_since = now
        elif now - self.unread_since > self.edge.write_timeout_s:
            self.drop()
        if self._phase == IDLE or self.pipeline or self.transport.is_closing():
            return
        if now - self._since > self._limit_s():
            self._time_out()

    def drop(self) -> None:
        """End the connection at once, with all that its client has not taken."""
        self.edge.slow += 1
        self._phase = LINGER
        self.transport.abort()

    def last_answer(self) -> None:
        """Let the newest request's answer be the last."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    # Refusing

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what we stopped parsing."""
        self.edge.refused += 1
        self._refuse(self._refusal)

    def _stop_parsing(self, error: ServiceError) -> NoReturn:
        """Leave the parser, whose caller then asks for an answer."""
        self._refusal = error
        raise StopParsing

    def _refuse(self, error: ServiceError, *, linger: bool = True) -> None:
        """Refuse what is being received: answer it after all that came before, then close."""
        culprit = self.cycle if self._phase == BODY else None
        self._enter(ENDING)
        if culprit is None:
            self._end_after_running(error, dict(self.headers or ()), linger)
        elif culprit.response_started:
            self._joined.close()
        else:
            self._abandon(culprit)
            if culprit is not self._running:
                self.pipeline.popleft()
            self._end_after_running(error, dict(culprit.scope["headers"]), linger)

    def _end_after_running(self, error: ServiceError, headers: Headers, linger: bool) -> None:
        running = self._running
        if running is None or running.disconnected or running.response_complete:
            self._end_with(error, headers, linger)
        else:
            # What follows the last good answer need not be answered: it says `Connection: close`.
            last = self.pipeline[0][0] if self.pipeline else running
            last.keep_alive = False

    def _end_with(self, error: ServiceError, headers: Headers, linger: bool) -> None:
        self._enter(LINGER)
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            self.transport.write(on_the_wire(error, headers, self.url))
            if linger:
                self._linger()
            else:
                self.transport.close()

    def _linger(self) -> None:
        """Write no more, and let the client go on sending for a while."""
        self._enter(LINGER)
        if self.transport.can_write_eof():  # TLS cannot: there the client or the sweep closes
            self.transport.write_eof()

    def _abandon(self, cycle: Any) -> None:
        """Let the application hear that nobody waits."""
        cycle.disconnected = True
        cycle.message_event.set()

    # Deadlines

    def _enter(self, phase: int) -> None:
        self._phase, self._since, self._bytes = phase, monotonic(), 0

    def _limit_s(self) -> float:
        if self._phase == HEAD:
            return PROBE_TIMEOUT_S if self._is_probe else self.edge.header_timeout_s
        if self._phase == BODY:
            return self.edge.body_timeout_s
        return LINGER_S if self._phase == LINGER else float("inf")

    def _time_out(self) -> None:
        if self._phase == LINGER:
            self.drop()
            return
        self.edge.slow += 1
        if self._phase == HEAD and not self._bytes and self._running is None:
            # Nothing was asked: an answer would be taken for one to the next question.
            self._enter(LINGER)
            self.transport.close()
        else:
            self._refuse(LATE_HEAD if self._phase == HEAD else LATE_BODY, linger=False)
