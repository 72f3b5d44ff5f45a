"""A large request that came whole: computed in parts by all workers that are free.

    body ──▶ parts ──▶ Entry … worker ──▶ pieces ──▶ one answer
               │  as many under way as workers are idle, one at the least
               └── a part that is refused: the whole body goes to one worker, as if never cut

Rows that were read already are cut as what they are, and their answers are lists that join.

Only where a cut is right can all parts be read; so whatever a part's answer is but an answer,
the whole decides. It also finds the words for what is wrong, and counts rows from the first.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from service.batching.answer import Answer, Timing, written
from service.batching.entry import Ask, Entry, Payload
from service.batching.outlook import parts_wanted
from service.catalogue import ServedVersion
from service.errors import DeadlineExceeded, FrameError, PoisonInput, ServiceError, Unavailable
from service.inference.parts import decode_piece
from service.protocols.http import Client
from service.protocols.spread_parts import Pieces, cut_up, form_of, joined, put_together

FINAL = (DeadlineExceeded, PoisonInput, Unavailable)
"""Of what a part may be answered, that which the whole would be answered, too."""


class Spread:
    """Computes large requests in parts.

    Args:
        workers: how many there are.
        max_rows: the most rows in one request.
    """

    def __init__(self, workers: int, max_rows: int) -> None:
        self._workers = workers
        self._max_rows = max_rows

    async def answer(self, served: ServedVersion, entry: Entry, client: Client) -> Answer | None:
        """Return the answer to a request, or None: it is to be computed whole.

        Args:
            served: who answers, and all of it.
            entry: an admitted request.
            client: who waits, and may go.

        Raises:
            PoisonInput: the request, or a part of it, ends workers.
            DeadlineExceeded: its time is over.
            Unavailable: the version was taken out of service.
            ClientGone: there is nobody to answer.
        """
        parts = self._parts(served, entry)
        if len(parts) < 2:
            return None
        spreading = _Spreading(served, entry, parts, client, self._max_rows)
        try:
            answers = await spreading.answers()
            if entry.payload.cells is not None:
                return joined(answers, _timing(answers, monotonic() - spreading.started))
            pieces = [decode_piece(one.text or b"") for one in answers]
        except PoisonInput:
            served.condemn(entry)
            raise
        except FINAL:
            raise
        except (ServiceError, FrameError):
            return None
        rows = [one.rows for one in answers]
        if sum(rows) > self._max_rows:
            return None  # who refuses it has the words
        answered = Pieces(form_of(entry.payload), pieces, rows)
        text = put_together(served, answered, probabilities=entry.probabilities)
        timing = _timing(answers, monotonic() - spreading.started)
        return written(text, sum(rows), timing)

    def _parts(self, served: ServedVersion, entry: Entry) -> list[Payload]:
        """Return the parts of a request; fewer than two if it is not cut."""
        payload = entry.payload
        if served.rows is None or payload.partial or not served.divisible:
            return []
        served.refuse_guilty(entry)
        wanted = parts_wanted(served.outlook(entry), self._workers, payload.size_bytes)
        if wanted < 2:
            return []
        try:
            return cut_up(payload, entry.rows, served.rows.names, wanted)
        except ServiceError:
            return []


class _Spreading:
    """One request under way. All its parts go to one generation, which lives on for it.

    Args:
        served: who answers.
        entry: the whole request.
        parts: its parts, as workers take them.
        client: who waits.
        max_rows: the most rows; there is no need to compute more.
    """

    def __init__(
        self,
        served: ServedVersion,
        entry: Entry,
        parts: Sequence[Payload],
        client: Client,
        max_rows: int,
    ) -> None:
        self._submit: Callable[[Entry], None] = served.submit
        self._outlook = served.outlook
        self._home = served.streams
        self._entry = entry
        self._parts = parts
        self._client = client
        self._max_rows = max_rows
        self._begun = 0
        self._flying: dict[asyncio.Future[Answer], int] = {}
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = monotonic()

    def cut(self) -> None:
        """End the request: the version that answers it is taken out of service."""
        if not self._over.done():
            text = "The version was taken out of service."
            self._over.set_exception(Unavailable(text, code="version_retired"))

    async def answers(self) -> list[Answer]:
        """Return the answers to all parts, in order; or to those before there were too many rows.

        Raises:
            ServiceError: a part has none.
            ClientGone: there is nobody to answer.
        """
        self._home.add(self)
        self._client.waiting = self._over
        got: dict[int, Answer] = {}
        rows = 0
        try:
            while len(got) < len(self._parts) and rows <= self._max_rows:
                self._begin_some()
                awaited: set[asyncio.Future[Any]] = {self._over, *self._flying}
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                if self._over.done():
                    self._over.result()
                for future in [one for one in self._flying if one.done()]:
                    number = self._flying.pop(future)
                    got[number] = future.result()
                    rows += got[number].rows
            return [got[number] for number in sorted(got)]
        finally:
            self._close()

    def _begin_some(self) -> None:
        """Submit as many parts as workers are idle, one at the least.

        None waits while others do: a worker that is freed takes who waits, and only then asks us.
        """
        room = max(self._outlook(self._entry).idle, not self._flying)
        for number in range(self._begun, min(self._begun + room, len(self._parts))):
            whole, payload = self._entry, self._parts[number]
            ask = Ask(whole.client, whole.priority, whole.deadline, payload.rows)
            future = asyncio.get_running_loop().create_future()
            self._flying[future] = number
            self._begun += 1
            self._submit(Entry(payload, whole.probabilities, ask, future))

    def _close(self) -> None:
        """Let nothing be begun any more."""
        self._home.discard(self)
        self._client.waiting = None
        left: list[asyncio.Future[Any]] = [self._over, *self._flying]
        for future in left:
            if not future.cancel() and not future.cancelled():
                future.exception()  # seen


def _timing(answers: Sequence[Answer], total_s: float) -> Timing:
    """Return where the time went of which several workers had a part each."""
    queue_s = answers[0].timing.queue_s
    predict_s = sum(one.timing.predict_s for one in answers)
    busy_s = predict_s + sum(one.timing.other_s for one in answers)
    rest_s = max(total_s - queue_s, 0.0)
    share = predict_s / busy_s if busy_s > 0 else 0.0
    return Timing(queue_s, rest_s * share, rest_s * (1 - share))
