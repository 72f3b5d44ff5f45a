"""A connection that answers ordinary predict requests itself, and has uvicorn do all others."""

from time import monotonic
from typing import Any, ClassVar

from service.protocols.head import Head
from service.protocols.held import IDLE
from service.protocols.http import CLIENT, UNKNOWN, Client, Reply
from service.protocols.one_write import COPIED_BYTES
from service.protocols.paced import Paced
from service.protocols.short_request import ShortRequest
from service.protocols.short_way import ShortWay
from service.protocols.whole_answer import LAST_STATUS, write_reply
from service.protocols.wire import Written


class Quick(Paced):
    """Takes the short way with the requests that it is for.

    A short request stands where uvicorn's cycle does, so that deadlines, refusals and pipelining
    are the same for both. One that comes before the last was answered waits as uvicorn's do.
    """

    short: ClassVar[ShortWay | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = UNKNOWN
        self._client = Client()
        self._extensions: Any = {CLIENT: self._client}
        self._coming: ShortRequest | None = None
        """The short request that is received, or was and is not computed yet."""

    # From the transport

    def take_known(self, data: bytes) -> bool:
        """Compute the data if they are a whole request whose head is known.

        Args:
            data: what came; the parser is between two requests.

        Returns:
            Whether they were. If not, nothing was done.
        """
        if self.short is None:
            return False
        found = self.short.heads.find(data)
        if found is None or self.edge.draining or self._is_probe or not self._is_free():
            return False
        self._phase = IDLE
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        head, body = found
        request = self._begin(self.short, head, keep_alive=True)
        request.body = body
        request.is_whole = True
        request.go_on()
        return True

    def go_on(self, data: bytes) -> None:
        """Go on with a short request, as far as it has come; called when nothing is parsed.

        Args:
            data: what was parsed last, if it began with a request; or nothing.
        """
        coming = self._coming
        if coming is None:
            return
        if coming.is_whole and coming.keep_alive and self.short is not None:
            self.short.heads.learn(data, coming.head)
        if not coming.done():
            coming.go_on()
        if coming.is_whole or coming.done():
            self._coming = None

    # From the parser

    def on_message_begin(self) -> None:
        """Begin a request; what only uvicorn's way needs of it is made when it takes that."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Begin a request, the short way if that is for it."""
        if self.short is None or not self._begin_short(self.short):
            self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        """Keep what has come of the body."""
        newest: Any = self.cycle
        if type(newest) is not ShortRequest:
            super().on_body(body)
        elif newest.body:
            newest.body += body
        else:
            newest.body = body

    def on_message_complete(self) -> None:
        """Note that the body is there."""
        newest: Any = self.cycle
        if type(newest) is ShortRequest:
            newest.is_whole = True
        else:
            super().on_message_complete()

    # From a short request

    def answer_well(self, request: ShortRequest, written: Written, timing: bytes) -> None:
        """Write what was asked for, unless there is nobody any more."""
        body, headers = written
        short = self.short
        if (
            short is None
            or short.cors is not None
            or len(headers) > 1
            or len(body) > COPIED_BYTES
            or not request.keep_alive
            or self.pipeline
            or request.done()
        ):
            more = ((b"x-request-id", request.id), (b"server-timing", timing))
            self.answer(request, Reply(200, body, [*headers, *more]))
            return
        request.response_started = request.response_complete = True
        if self.transport.is_closing():
            return
        state = self.server_state
        opening = short.openings.after(state.default_headers)
        self.transport.write(
            b"%bcontent-type: %b\r\nx-request-id: %b\r\nserver-timing: %b\r\n"
            b"content-length: %d\r\n\r\n%b"
            % (opening, headers[0][1], request.id, timing, len(body), body)
        )
        self._since = monotonic()
        state.total_requests += 1

    def answer(self, request: ShortRequest, reply: Reply) -> None:
        """Write the reply to a short request, unless there is nobody any more."""
        if request.done():
            return
        request.response_started = request.response_complete = True
        transport = self.transport
        if transport.is_closing():
            return
        if self.short is not None and self.short.cors is not None:
            reply = self.short.cors.marked(reply, request.head.raw)
        keep_alive = request.keep_alive
        write_reply(transport, self.server_state.default_headers, reply, keep_alive=keep_alive)
        if reply.status == LAST_STATUS:
            self._linger()
        elif not keep_alive:
            transport.close()
        elif self.pipeline:
            self.on_response_complete()
            return
        self._since = monotonic()
        self.server_state.total_requests += 1

    # From the sweep

    def check(self, now: float) -> None:
        """End the connection if its client is too slow, or has asked nothing for long."""
        super().check(now)
        # After uvicorn's own answers a timer of uvicorn's does it.
        if (
            self._phase == IDLE
            and self.timeout_keep_alive_task is None
            and now - self._since > self.timeout_keep_alive
            and (self._running is None or self._running.response_complete)
            and not self.transport.is_closing()
        ):
            self.transport.close()

    def _begin_short(self, short: ShortWay) -> bool:
        """Begin a request the short way; return False if that is not for it."""
        path, _, query = self.url.partition(b"?")
        known = short.paths.get(path)
        if (
            known is None
            or not self._is_free()
            or self.parser.get_method() != b"POST"
            or b"#" in query
        ):
            return False
        head = short.head(known, dict(self.headers), query)
        if head is None:
            return False
        keep_alive = (
            self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
            and not self.edge.draining
            and not self._is_probe
        )
        self._coming = self._begin(short, head, keep_alive=keep_alive)
        return True

    def _is_free(self) -> bool:
        """Return whether all requests before were answered, and their answers were read."""
        before = self.cycle
        return (before is None or before.response_complete) and not self.flow.write_paused

    def _begin(self, short: ShortWay, head: Head, *, keep_alive: bool) -> ShortRequest:
        short.taken += 1
        request = ShortRequest(short.terms, self, head, keep_alive)
        self._running = request
        self.cycle = request  # type: ignore[assignment]  # what is used of a cycle, it has
        return request

    def _begin_cycle(self) -> None:
        """Begin a request as uvicorn does, with what its `on_message_begin` was kept from."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        self.scope["extensions"] = self._extensions
        super().on_headers_complete()
        self.cycle.transport = self._joined
