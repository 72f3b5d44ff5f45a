"""A spread of requests over workers that are models in this process, and requests for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import Any

import numpy as np

from models.manifest import GoldenRows
from models.schema import Column, OutputSchema, Policy, TabularSchema
from service.batching.answer import Answer
from service.batching.batcher import Batcher
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.lane import Lane
from service.batching.open_streams import OpenStreams
from service.batching.outlook import Outlook
from service.batching.quarantine import Quarantine
from service.codecs.answers import AnswerEncoder
from service.codecs.cells import CellPacker
from service.codecs.table_rows import TableRows
from service.inference.messages import (
    PREAMBLE,
    Media,
    decode_predict,
    decode_result,
    encode_result,
)
from service.inference.model import Model
from service.inference.parts import Form, PartHead, encode_part
from service.protocols.http import Client
from service.protocols.spread import Spread
from tests.service.conftest import CLASSES, FLOATS, make

MAX_ROWS = 1000
WORKERS = 2
PARTS = 5
WORDS = TabularSchema(
    container="frame",
    columns=(
        Column(
            name="n",
            dtype="float64",
            frame_dtype="float64",
            min=0,
            max=500,
            policy=Policy(out_of_range="flag"),
        ),
        Column(name="word", dtype="string", frame_dtype="object", nullable=True, missing="none"),
    ),
)
LABELS = OutputSchema(kind="classes", dtype="string", classes=("a", 'b"],['), probabilities=True)


class Teller:
    """Answers from the first column alone, so that a row's answer depends on no other row."""

    def __init__(self, classes: int, labels: Any) -> None:
        self.classes = classes
        self.labels = np.array(labels)

    def predict_proba(self, X: Any) -> Any:
        first = np.asarray(X if isinstance(X, np.ndarray) else X.iloc[:, :1], float)[:, 0]
        if (first == 666).any():
            raise ValueError("the number of the beast")
        odds = np.abs(np.sin(np.outer(first, np.arange(1, self.classes + 1)))) + 0.01
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:
        return self.labels[self.predict_proba(X).argmax(axis=1)]


class Bench:
    """A batcher whose workers are models in this process.

    Args:
        schema: the model's columns.
        output: what it answers.
    """

    def __init__(self, schema: TabularSchema = FLOATS, output: OutputSchema = CLASSES) -> None:
        golden = GoldenRows(
            instances=([1.0, "x"] if schema is WORDS else [1.0] * 3,), predictions=(0,)
        )
        manifest = make(schema, output, golden)
        teller = Teller(len(output.classes or ()), output.classes)
        self.model = Model(teller, manifest, MAX_ROWS, 1)
        self.batcher = Batcher(self, 10_000, 1000, 10.0, 20.0, Quarantine(10, 60.0))
        self.lane = Lane("toy/1", 0, output, lambda *_: None, lambda *_: None)
        self.batcher.add_lane(self.lane)
        self.home = OpenStreams()
        self.sent: list[tuple[int, int]] = []
        """Rows that each batch says it has, and how many requests are in it."""
        self.deadly = b"\x00nothing"
        self.held: list[Callable[[], None]] | None = None
        self.served: Any = SimpleNamespace(
            rows=TableRows(schema, MAX_ROWS),
            encoder=AnswerEncoder(manifest),
            streams=self.home,
            divisible=True,
            submit=partial(self.batcher.submit, self.lane),
            outlook=self._outlook,
            refuse_guilty=partial(self.batcher.refuse_guilty, self.lane),
            condemn=partial(self.batcher.condemn, self.lane),
        )
        self.expected_s = 1.0
        self.workers = 0
        for _ in range(WORKERS):
            self.hire()

    def hire(self) -> None:
        self.workers += 1
        self.batcher.on_idle(self.workers)

    def _outlook(self, entry: Entry) -> Outlook:
        return self.batcher.outlook(self.lane, entry)._replace(
            expected_s=self.expected_s, call_s=0.0
        )

    def send(self, worker: int, parts: list[bytes], hang_limit_s: float) -> None:
        """Stand where the pool stands."""
        del hang_limit_s
        batch = decode_predict(memoryview(b"".join(parts))[PREAMBLE.size :])
        self.sent.append((batch.rows, len(batch.entries)))

        def work() -> None:
            if any(self.deadly in bytes(one.body) for one in batch.entries):
                self.batcher.on_lost(worker)
                self.batcher.on_cause(worker, False)
                self.hire()
                return
            body = b"".join(encode_result(self.model.answer(batch)))[PREAMBLE.size :]
            self.batcher.on_result(worker, decode_result(memoryview(body)))

        if self.held is None:
            asyncio.get_running_loop().call_soon(work)
        else:
            self.held.append(work)

    def entry(self, payload: Payload, probabilities: bool, timeout_s: float = 60.0) -> Entry:
        ask = Ask("somebody", NORMAL, monotonic() + timeout_s, 100)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return Entry(payload, probabilities, ask, future)

    async def whole(self, payload: Payload, probabilities: bool) -> Answer:
        entry = self.entry(payload, probabilities)
        self.served.submit(entry)
        assert isinstance(entry.future, asyncio.Future)
        answer: Answer = await entry.future
        return answer

    async def parted(
        self, payload: Payload, probabilities: bool, client: Client | None = None, **more: Any
    ) -> Answer | None:
        entry = self.entry(payload, probabilities, **more)
        spread = Spread(WORKERS, MAX_ROWS)
        return await spread.answer(self.served, entry, client or Client())


Act = Callable[[Bench], Awaitable[Any]]


def play(act: Act, *model: Any) -> Any:
    async def bounded() -> Any:
        bench = Bench(*model)
        try:
            async with asyncio.timeout(30):
                return await act(bench)
        finally:
            bench.batcher.close()

    return asyncio.run(bounded())


def as_json(body: bytes) -> Payload:
    return Payload(1, None, body, Media.JSON, joins=False)


def as_part(body: bytes, media: Media, form: Form = Form.JSON) -> Payload:
    return Payload(1, None, encode_part(PartHead(media, form), body), Media.PART, joins=False)


def as_cells(rows: Sequence[Sequence[Any]], schema: TabularSchema = FLOATS) -> Payload:
    cells = CellPacker(schema).pack(TableRows(schema, MAX_ROWS).check(rows))
    return Payload(cells.rows, cells)


def table(rows: int) -> list[list[float]]:
    drawn: list[list[float]] = np.random.default_rng(3).normal(size=(rows, 3)).tolist()
    return drawn


def words(rows: int) -> list[dict[str, Any]]:
    texts = [
        "plain",
        '"],["',
        "],[",
        "},{",
        '\\"',
        "é",
        None,
        "",
        '{"instances":[[1,2]]}',
        "a,b\nc",
    ]
    return [{"n": float(i), "word": texts[i % len(texts)]} for i in range(rows)]
