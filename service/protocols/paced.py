"""A connection on which an answer is written while its request comes in."""

from math import inf
from time import monotonic
from typing import Any

from service.protocols.held import BODY, ENDING, HeldToTime

PROGRESS_BYTES = 64 << 10
"""A client that takes so much within the time to read is not too slow."""
NONE, RUNNING, ENDED = range(3)


class Paced(HeldToTime):
    """Tells a client that is slow from one that waits for us, or sends all before it reads.

    Many clients read nothing before their body is sent. So up to a limit answers wait for them
    here; above it the stream stands still until they read, and after the time to read they are
    dropped.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stream = NONE
        self._taken_bytes = 0

    def begin_stream(self) -> None:
        """Let the client read later than it sends, within limits."""
        self._stream = RUNNING
        self._taken_bytes = self._joined.written_bytes
        self.transport.set_write_buffer_limits(self.edge.max_stream_unread_bytes)

    def await_body(self, is_awaited: bool) -> None:
        """Give the client its whole time for the next bytes; or none, as it is we who wait."""
        if self._phase == BODY and self.cycle is self._running:
            self._enter(BODY)
            self._chunks = 0
            if not is_awaited:
                self._since = inf

    def end_stream(self, *, whole: bool) -> None:
        """Go on as usual; or, if the answer is not whole, let nobody take it for that."""
        if self._stream != RUNNING:
            return
        self._stream = ENDED
        if self._phase == BODY:
            self._since = monotonic()
        if not whole and self._running is not None:
            self._enter(ENDING)
            self._abandon(self._running)
            self._joined.close()

    def check(self, now: float) -> None:
        """End the connection if its client is too slow."""
        if self._stream:
            self._look_at_stream()
        super().check(now)

    def _look_at_stream(self) -> None:
        unread = self.transport.get_write_buffer_size()
        taken = self._joined.written_bytes - unread
        sends_first = self._stream == RUNNING and self._phase == BODY and not self.flow.write_paused
        if sends_first or taken - self._taken_bytes >= PROGRESS_BYTES:
            self._taken_bytes = taken
            self.unread_since = 0.0
        if self._stream == ENDED and not unread and self._phase != BODY:
            self._stream = NONE
            self.transport.set_write_buffer_limits()
