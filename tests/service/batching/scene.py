"""A batcher with workers that only write down what they are sent."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from models.schema import OutputSchema
from service.batching.answer import Answer
from service.batching.batcher import Batcher
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.lane import Lane
from service.batching.quarantine import Quarantine
from service.codecs.cells import Cells
from service.inference.messages import (
    PREAMBLE,
    BatchResult,
    PredictBatch,
    ResultEntry,
    Status,
    decode_predict,
)

OUTPUT = OutputSchema(kind="values", dtype="float64")


class NotingWorkers:
    """Stands where the pool stands: notes each batch by its worker."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, PredictBatch]] = []

    def send(self, worker: int, parts: list[bytes], hang_limit_s: float) -> None:
        whole = b"".join(parts)
        self.sent.append((worker, decode_predict(memoryview(whole)[PREAMBLE.size :])))

    def values(self, i: int) -> list[float]:
        """The rows of batch i: each row is one number here."""
        return list(memoryview(bytes(self.sent[i][1].numbers)).cast("d"))


class Scene:
    """A batcher, its workers, and one lane."""

    def __init__(self, max_rows: int, max_waiting: int) -> None:
        self.workers = NotingWorkers()
        self.quarantine = Quarantine(10, 60.0)
        self.batcher = self.another_batcher(max_rows, max_waiting)
        self.batches: list[tuple[int, int]] = []
        self.results: list[tuple[int, int, int]] = []
        self.lane = Lane(
            "toy/1",
            0,
            OUTPUT,
            lambda rows, requests: self.batches.append((rows, requests)),
            lambda *told: self.results.append(told),
        )
        self.batcher.add_lane(self.lane)

    def another_batcher(self, max_rows: int = 100, max_waiting: int = 100) -> Batcher:
        return Batcher(self.workers, max_rows, max_waiting, 1.0, 20.0, self.quarantine)

    def _on_batch(self, rows: int, requests: int) -> None:
        self.batches.append((rows, requests))

    def submit(
        self, *values: float, timeout_s: float = 60.0, client: str = "somebody"
    ) -> "asyncio.Future[Answer]":
        cells = Cells(len(values), struct.pack(f"={len(values)}d", *values))
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        payload = Payload(cells.rows, cells)
        ask = Ask(client, NORMAL, monotonic() + timeout_s, cells.rows)
        self.batcher.admit(self.lane, ask)
        self.batcher.submit(self.lane, Entry(payload, False, ask, future))
        return future

    def lose(self, worker: int, *, is_outside: bool = False) -> None:
        """Let a worker die, and say at once whether somebody else killed it."""
        self.batcher.on_lost(worker)
        self.batcher.on_cause(worker, is_outside)

    def answer(self, worker: int) -> None:
        """Answer the worker's last batch: each value times ten."""
        batch = next(batch for number, batch in reversed(self.workers.sent) if number == worker)
        numbers = memoryview(bytes(batch.numbers)).cast("d")
        values = struct.pack(f"={len(numbers)}d", *(10 * value for value in numbers))
        entries = [ResultEntry(entry.rows, Status.ROWS, b"") for entry in batch.entries]
        self.batcher.on_result(worker, BatchResult(batch.batch, entries, values=values))


@asynccontextmanager
async def scene(max_rows: int = 100, max_waiting: int = 100) -> AsyncIterator[Scene]:
    stage = Scene(max_rows, max_waiting)
    try:
        yield stage
    finally:
        stage.batcher.close()


def play(act: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await act()

    asyncio.run(bounded())
