"""What becomes of each request: judged when it ends, made a record of when the load is over.

While the clock runs an end is a look-up of the answer's body among those judged before, and a few
fields of the flight.
"""

import asyncio
import re
from collections.abc import Sequence

from loadtest.flight import Flight
from loadtest.http1 import Loss, Reply
from loadtest.judge import Judge
from loadtest.payload import Request
from loadtest.plan import Share
from loadtest.progress import Progress
from loadtest.record import Outcome, Record

REFUSED = frozenset({429, 503})
REPLICA_HEADER = b"x-percore-replica"

_STAGE = re.compile(rb"\b(parse|queue|predict|transfer|encode);dur=([0-9]+(?:\.[0-9]+)?)(?![0-9.])")
_TIMING_BYTES = 1024
"""A longer Server-Timing is none of ours, and kept for no request."""
_AT_ONCE = 64
"""So many records are made before other loads under the same event loop get their turn."""


class Recorder:
    """Keeps what happened to every request.

    Args:
        requests: what can be sent.
        share: of which process the records are, and who counts along.
    """

    def __init__(self, requests: Sequence[Request], share: Share) -> None:
        self._rows = [request.rows for request in requests]
        self._judge = Judge([request.expected for request in requests])
        self._process = share.index
        self._progress = share.progress or Progress()
        self._ended: list[Flight] = []
        self.taken = 0
        """Requests that were taken up."""

    def take(self) -> None:
        """Count a request that was taken up: from here on it must end."""
        self.taken += 1
        self._progress.taken()

    def end(self, flight: Flight, answer: Reply | Loss) -> Outcome:
        """Judge what a flight came to, and keep it."""
        flight.done_s = answer.done_s
        if flight.sent_s is None:
            flight.sent_s = answer.done_s
        outcome, flight.cause = self._outcome(flight.request, answer)
        if isinstance(answer, Reply):
            flight.status = answer.status
            flight.replica = answer.header(REPLICA_HEADER)
            timing = answer.header(b"server-timing")
            flight.timing = timing if len(timing) <= _TIMING_BYTES else b""
        flight.outcome = outcome
        self._ended.append(flight)
        self._progress.ended(
            outcome,
            flight.cause,
            latency_s=flight.done_s - flight.intended_s,
            lag_s=flight.taken_s - flight.intended_s,
        )
        return outcome

    async def records(self, began_s: float) -> tuple[Record, ...]:
        """Return all that ended, in that order, with times from the start of the load."""
        records: list[Record] = []
        for number, flight in enumerate(self._ended):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            records.append(self._record(flight, began_s))
        return tuple(records)

    def _outcome(self, request: int, answer: Reply | Loss) -> tuple[Outcome, str]:
        if isinstance(answer, Loss):
            return Outcome.LOST, answer.cause.value
        if answer.status == 200:
            fault = self._judge.fault(request, answer.body)
            return (Outcome.WRONG, fault) if fault else (Outcome.RIGHT, "")
        if answer.status in REFUSED:
            return Outcome.REFUSED, f"status_{answer.status}"
        return Outcome.LOST, f"status_{answer.status}"

    def _record(self, flight: Flight, began_s: float) -> Record:
        if flight.outcome is None or flight.sent_s is None:
            raise ValueError("a request that has not ended has no record")
        return Record(
            request=flight.request,
            intended_s=flight.intended_s - began_s,
            taken_s=flight.taken_s - began_s,
            sent_s=flight.sent_s - began_s,
            done_s=flight.done_s - began_s,
            outcome=flight.outcome,
            status=flight.status,
            cause=flight.cause,
            replica=flight.replica.decode("latin-1"),
            rows=self._rows[flight.request],
            process=self._process,
            **_stages_s(flight.timing),
        )


def _stages_s(timing: bytes) -> dict[str, float]:
    """Read what Server-Timing says of each stage, in milliseconds; no number, no stage."""
    return {f"{name.decode()}_s": float(ms) / 1000 for name, ms in _STAGE.findall(timing)}
