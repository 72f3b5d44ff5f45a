"""Predict requests of any protocol, for servers that wait with coroutines: ASGI and gRPC."""

import asyncio

from service.batching.answer import Answer
from service.protocols.aside import Aside
from service.protocols.head import Head
from service.protocols.http import Client, ClientGone, Headers, Reply, length_of, read_body
from service.protocols.prediction import Prediction
from service.protocols.spread import Spread
from service.protocols.streaming import Streams
from service.protocols.terms import Terms
from service.protocols.wire import Find, Question, Wire
from service.settings import Settings

SPREAD_BYTES = 32 << 10
"""Below this size a request is never computed in parts."""


class Predictions:
    """Takes predict requests along the one path, and waits where one must.

    Args:
        terms: what holds for all of them.
        settings: limits and times.
    """

    def __init__(self, terms: Terms, settings: Settings) -> None:
        self._terms = terms
        self._create_future = asyncio.get_running_loop().create_future
        self._aside = Aside().run
        self._streams = Streams(settings, terms.note)
        self._spread = Spread(settings.worker_count(), settings.max_rows).answer
        self._max_body_bytes = settings.max_body_bytes

    async def handle(
        self, wire: Wire, find: Find, raw: Headers, query: bytes, client: Client
    ) -> Reply:
        """Answer one predict request; whatever goes wrong is an answer too.

        Args:
            wire: the protocol that it speaks.
            find: returns the version that the path names now, or raises a `ServiceError`.
            raw: headers by lower-case name.
            query: the query string.
            client: gives the body, and may go.

        Raises:
            ClientGone: there is nobody to answer.
        """
        head = Head((wire, find), raw, query, length_of(raw))
        prediction = Prediction(self._terms, head)
        try:
            body = await self._begun(prediction, raw, client)
            if isinstance(body, Reply):
                return body
            question = await self._read(prediction, body, client)
            answer = await self._answered(prediction, question, client)
        except ClientGone:
            raise
        except Exception as error:
            return prediction.refuse(error)
        return prediction.finish(answer)

    async def _begun(self, prediction: Prediction, raw: Headers, client: Client) -> bytes | Reply:
        """Return the body; or of one that streams through the answer's beginning."""
        streaming = prediction.begin(client.address)
        if streaming is None:
            return await read_body(client.receive, raw, self._max_body_bytes)
        return await self._streams.answer(
            streaming, prediction.served, raw, prediction.ask, client, prediction.id
        )

    async def _read(self, prediction: Prediction, body: bytes, client: Client) -> Question:
        question = prediction.read(body)
        while question.reader is not None:
            payload = await self._aside(question.reader, client)
            question = question._replace(payload=payload, reader=None)
            if prediction.is_swapped():
                question = prediction.read(body)
        return question

    async def _answered(self, prediction: Prediction, question: Question, client: Client) -> Answer:
        future: asyncio.Future[Answer] = self._create_future()
        entry, served = prediction.entry(question, future), prediction.served
        if entry.payload.size_bytes >= SPREAD_BYTES:
            answer = await self._spread(served, entry, client)
            if answer is not None:
                return answer
        served.submit(entry)
        client.waiting = future
        try:
            return await future
        finally:
            client.waiting = None
