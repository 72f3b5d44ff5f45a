"""One connection of a client: uvicorn's HTTP protocol, with limits of ours."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.protocols.edge_state import PROBES
from service.protocols.held import BODY, ENDING, HEAD, IDLE
from service.protocols.http import Reply
from service.protocols.one_write import OneWrite
from service.protocols.quick import Quick
from service.protocols.refusals import CROWDED, LARGE_BODY, LARGE_HEAD, MANY_CHUNKS
from service.protocols.whole_answer import write_whole

PROBE_PATHS = (b"/health/", b"/metrics")
UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
WIRE_BYTES = 1 << 20
"""What chunk sizes and trailers may add to the largest body."""


class Connection(Quick):
    """Limits what a client may send, and tells a request when its client has gone.

    Above the limit of connections a few more are taken in, for probes and for nothing else; the
    ones above those get 503 at once, which a client that has sent its request by then may miss.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._piece_bytes = 0
        self._postponed: Callable[[], None] | None = None
        self._client.write = self._write_whole
        self._client.pace = self

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection if there is room; a few above the limit may ask for health."""
        super().connection_made(transport)
        self._joined = OneWrite(transport)
        if self.client is not None:
            self.address = self._client.address = self.client[0]
        above = len(self.edge.connections) - self.edge.max_connections
        if above >= PROBES:
            self.edge.refused += 1
            self._end_with(CROWDED, {}, linger=False)
            return
        self._is_probe = above >= 0
        self.edge.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse; measure what a phase takes."""
        if self._phase >= ENDING:
            return
        is_between = self._phase == IDLE or (self._phase == HEAD and not self._bytes)
        if is_between and self.take_known(data):
            return
        if self._phase == IDLE:
            self._enter(HEAD)
        if self._phase == HEAD and data.find(b"pgrade:", 0, self.edge.max_header_bytes) > 0:
            data = decline_upgrade(data)
        self._piece_bytes = len(data)
        super().data_received(data)
        self._bytes += len(data)
        if self._phase == HEAD and self._bytes > self.edge.max_header_bytes:
            self.edge.refused += 1
            self._refuse(LARGE_HEAD)
        elif (
            self._phase == BODY
            and self._bytes > self.edge.max_body_bytes + WIRE_BYTES
            and not self._stream
        ):
            self._refuse_endless_body()
        self.go_on(data if is_between else b"")

    def resume_writing(self) -> None:
        """The client reads: its time begins anew."""
        self.unread_since = 0.0
        super().resume_writing()
        start, self._postponed = self._postponed, None
        if start is not None:
            start()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was done for this client."""
        self.edge.connections.discard(self)
        running = self._running
        if running is not None and not running.response_complete:
            self.edge.gone += self._phase < ENDING
            self._abandon(running)
            self._client.leave()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    # From the parser

    def on_message_begin(self) -> None:
        """Begin the head of a request that came in one piece with the one before it."""
        super().on_message_begin()
        if self._phase == IDLE:
            self._enter(HEAD)
            self._bytes = -self._piece_bytes  # most of which is not this head's

    def on_headers_complete(self) -> None:
        """Begin a request."""
        if self._bytes + self._piece_bytes > self.edge.max_header_bytes:
            self._measure_head()
        if self._is_probe and not self.url.startswith(PROBE_PATHS):
            self._stop_parsing(CROWDED)
        super().on_headers_complete()
        self.headers = []  # trailers come here, and are no headers of the request
        self._chunks = -1  # the last one, which is empty, is none
        self._enter(BODY)
        if self.edge.draining or self._is_probe:
            self.cycle.keep_alive = False

    def on_chunk_header(self) -> None:
        """Count the chunks: each costs as much as a small request."""
        self._chunks += 1
        if self._chunks > self.edge.max_chunks:
            self._stop_parsing(MANY_CHUNKS)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._phase = IDLE
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            # Answered before its body had come, whose bytes ended the timer that was set then.
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _measure_head(self) -> None:
        pairs = sum([len(name) + len(value) + 4 for name, value in self.headers])
        if len(self.url) + pairs > self.edge.max_header_bytes:
            self._stop_parsing(LARGE_HEAD)

    def _refuse_endless_body(self) -> None:
        """Refuse a body that is too large by its framing, unless somebody is refusing it."""
        if not self.cycle.response_started or self.cycle.response_complete:
            self.edge.refused += 1
            self._refuse(LARGE_BODY)

    # From the application

    def _write_whole(self, reply: Reply) -> bool:
        return self._running is not None and write_whole(self._running, self.transport, reply)

    # From the cycle

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start a request, unless the client has yet to read its last answer."""
        self._running = cycle
        if self.flow.write_paused:
            self._postponed = partial(super()._start_asgi_task, cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Send what is kept of the answer, and go on with the next request."""
        self._joined.finish()
        self._since = monotonic()  # what waited behind the answer has its whole time
        super().on_response_complete()


def decline_upgrade(data: bytes) -> bytes:
    """Return a piece that begins in a head, with its offer of another protocol struck out.

    Java's client offers HTTP/2 with every first request, and goes on with HTTP/1.1 if nobody takes
    it. The parser would take the body for that other protocol, and lose it.
    """
    end = data.find(b"\r\n\r\n")
    head = data if end < 0 else data[:end]
    return UPGRADE.sub(b"\r\nx-grade:", head) + data[len(head) :]
