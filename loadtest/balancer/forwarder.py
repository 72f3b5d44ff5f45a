"""From a client's request to the bytes of its answer: whole, cut into parts, or as a stream."""

import asyncio
from dataclasses import dataclass, replace

from loadtest.balancer.attempts import Ask, Attempts, End
from loadtest.balancer.budget import Retries
from loadtest.balancer.config import BalancerConfig
from loadtest.balancer.cutting import cut_rows, is_cuttable, join_answers
from loadtest.balancer.dispatcher import Dispatcher, Refusal
from loadtest.balancer.messages import (
    Inbound,
    forwarded_answer,
    forwarded_head,
    forwarded_request,
    own_answer,
)
from loadtest.balancer.relay import OpenReply
from loadtest.balancer.stream import BodyStream, framed
from loadtest.balancer.tally import Tally
from loadtest.http1 import Loss, LossCause, Reply

_TIMEOUT = (504, "The replica did not answer in time")
_FAILURE = (502, "The replica did not answer")


@dataclass(frozen=True, slots=True)
class Following:
    """An answer whose head and first bytes are `begin`; the rest follows."""

    begin: bytes
    rest: BodyStream
    chunked: bool


Answer = bytes | Following | None
"""None: the client's connection must be aborted, for half an answer must look like one."""


class Forwarder:
    """Answers requests of clients.

    Args:
        config: whether and how requests are cut.
        attempts: asks replicas.
        dispatcher: says how many are ready.
        tally: counts.
    """

    def __init__(
        self, config: BalancerConfig, attempts: Attempts, dispatcher: Dispatcher, tally: Tally
    ) -> None:
        self._config = config
        self._attempts = attempts
        self._dispatcher = dispatcher
        self._tally = tally
        # A part that is lost would take all the others with it.
        self._part_retries = config.retries or Retries(
            on=("connect", "closed", "cut", "502", "503")
        )

    async def answer(self, request: Inbound, client: str) -> Answer:
        """Return the answer to a request; the client's address goes into a header."""
        self._tally.clients += 1
        self._attempts.budget.active += 1
        try:
            joined = await self._in_parts(request, client)
            if joined is not None:
                return joined
            end = await self._attempts.settle(_ask(request, client), self._config.retries)
        finally:
            self._attempts.budget.active -= 1
        return self._rendered(end, request)

    def close(self) -> None:
        self._attempts.close()

    async def _in_parts(self, request: Inbound, client: str) -> bytes | None:
        """Return the answer by parts; None if the request must be asked as a whole."""
        parts = self._cut(request)
        if parts is None:
            return None
        self._tally.cut += 1
        self._tally.parts += len(parts)
        beside: set[str] = set()
        asks = [replace(_ask(_part(request, body), client), beside=beside) for body in parts]
        ends = await asyncio.gather(
            *(self._attempts.settle(ask, self._part_retries) for ask in asks)
        )
        replies = [end.what for end in ends if isinstance(end.what, Reply)]
        if len(replies) < len(parts) or any(reply.status != 200 for reply in replies):
            # Whatever is wrong is told best by a replica that sees all of it: rows in messages are
            # counted from the first, and a part's trouble may be over by now.
            return None
        body = join_answers([reply.body for reply in replies])
        if body is None:
            return None
        by = "+".join(sorted({end.replica for end in ends}))
        whole = replace(replies[0], body=body)
        return forwarded_answer(whole, by, bodiless=False, keep_alive=request.keep_alive)

    def _cut(self, request: Inbound) -> list[bytes] | None:
        least_rows = self._config.split_rows
        if not least_rows or request.stream is not None:
            return None
        kinds = [value for name, value in request.headers if name.lower() == b"content-type"]
        if len(kinds) != 1 or not is_cuttable(request.method, request.path, kinds[0]):
            return None
        return cut_rows(request.body, self._dispatcher.ready_count(), least_rows)

    def _rendered(self, end: End, request: Inbound) -> Answer:
        what, keep_alive = end.what, request.keep_alive
        if request.stream is not None and request.stream.whole is not True:
            keep_alive = False  # what is left of the body would be taken for the next request
        if isinstance(what, Refusal):
            return own_answer(503, what.reason, what.code, keep_alive=keep_alive)
        if isinstance(what, Loss):
            if what.cause is LossCause.CUT:
                return None
            status, reason = _TIMEOUT if what.cause is LossCause.TIMEOUT else _FAILURE
            code = what.cause.value
            return own_answer(status, reason, code, end.replica, keep_alive=keep_alive)
        if isinstance(what, OpenReply):
            self._tally.streamed += 1
            return _following(what, end.replica, keep_alive=keep_alive)
        bodiless = request.method == b"HEAD"
        return forwarded_answer(what, end.replica, bodiless=bodiless, keep_alive=keep_alive)


def _ask(request: Inbound, client: str) -> Ask:
    return Ask(
        wire=forwarded_request(request, client),
        body=request.stream,
        bodiless=request.method == b"HEAD",
        # Chunks are unknown to HTTP/1.0.
        streamable=request.version != "1.0",
    )


def _part(request: Inbound, body: bytes) -> Inbound:
    """Return a request for some of the rows, whose answer is always plain JSON."""
    kept = [
        (name, value)
        for name, value in request.headers
        if name.lower() not in {b"accept-encoding", b"content-encoding"}
    ]
    # HTTP/1.0 only here: a part's answer is needed whole.
    return replace(request, body=body, headers=kept, version="1.0")


def _following(reply: OpenReply, replica: str, *, keep_alive: bool) -> Following:
    length = reply.announced_bytes()
    begin = forwarded_head(reply, replica, length, keep_alive=keep_alive)
    chunked = length is None
    return Following(begin + framed(reply.body, chunked=chunked), reply.rest, chunked)
