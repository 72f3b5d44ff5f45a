"""The HTTP side of an emulated replica: health, predictions, and a switch for faults."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Mapping
from typing import cast

import httptools

from loadtest.emulated.replica import EmulatedReplica
from loadtest.http1 import Headers, head

CONTROL = b"/emulated"
"""POST {"slowdown": 4.0} makes every batch take four times as long; {"status": 500} makes every
prediction fail with it at once, and {"status": 200} heals. Only emulated replicas have it."""

_REASONS = {200: b"OK", 404: b"Not Found", 422: b"Unprocessable", 503: b"Busy"}


class ReplicaState:
    """What the connections of one replica share."""

    def __init__(self, replica: EmulatedReplica, answers: Mapping[str, tuple[int, bytes]]) -> None:
        self.replica = replica
        self.answers = answers
        self.ready = True
        self.status = 200
        """Of every prediction; anything but 200 is answered at once."""

    def control(self, body: bytes) -> int:
        """Set the replica's faults and return the status of the answer."""
        try:
            wanted = json.loads(body)
            slowdown = float(wanted.get("slowdown", self.replica.slowdown))
            status = int(wanted.get("status", self.status))
        except (AttributeError, TypeError, ValueError):
            return 422
        if not 0 < slowdown < 1e6 or not 200 <= status <= 599:
            return 422
        self.replica.slowdown, self.status = slowdown, status
        return 200


class EmulatedConnection(asyncio.Protocol):
    """One client. Answers leave in the order of their requests."""

    def __init__(self, state: ReplicaState) -> None:
        # per connection
        self._state = state
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[list[bytes]] = deque()
        # per request
        self._path = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self._transport is not None:
                self._transport.abort()

    # the parser's side

    def on_message_begin(self) -> None:
        self._path, self._body = b"", []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        slot: list[bytes] = []
        self._slots.append(slot)
        path, body = self._path.partition(b"?")[0], b"".join(self._body)
        if path.endswith(b":predict"):
            self._predict(body, slot)
        elif path in {b"/health/ready", b"/health/live"}:
            self._answer(slot, 200 if self._state.ready else 503, b"{}")
        elif path == CONTROL:
            self._answer(slot, self._state.control(body), b"{}")
        else:
            self._answer(slot, 404, b'{"error":"an emulated replica only predicts"}')

    def _predict(self, body: bytes, slot: list[bytes]) -> None:
        state = self._state
        if state.status != 200:
            self._answer(slot, state.status, b'{"error":"made to fail","code":"fault"}')
            return
        known = state.answers.get(hashlib.sha256(body).hexdigest())
        if known is None:
            self._answer(slot, 422, b'{"error":"not in the table","code":"unknown_request"}')
            return
        rows, answer = known

        def answered(queue_s: float, predict_s: float) -> None:
            timing = b"queue;dur=%.3f, predict;dur=%.3f" % (queue_s * 1e3, predict_s * 1e3)
            load = b"TEXT application_utilization=%.4f,rps_fractional=%.2f" % state.replica.load()
            headers = [(b"Server-Timing", timing), (b"endpoint-load-metrics", load)]
            self._answer(slot, 200, answer, headers)

        if not state.replica.submit(rows, answered):
            self._answer(slot, 503, b'{"error":"full","code":"overloaded"}')

    def _answer(
        self, slot: list[bytes], status: int, body: bytes, more: Headers | None = None
    ) -> None:
        headers = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(body)),
            *(more or []),
        ]
        start_line = b"HTTP/1.1 %d %s" % (status, _REASONS.get(status, b"Fault"))
        slot.append(head(start_line, headers) + body)
        while self._slots and self._slots[0]:
            wire = self._slots.popleft()[0]
            if self._transport is not None:
                self._transport.write(wire)
