"""A run: parts are read, computed a few at a time, kept as they finish, and put together.

Reader ── Feed ──▶ parts ──▶ Sieve ──▶ Workers      as many at once as the window is wide
                               └─────▶ PartsFolder ──▶ assemble ──▶ OUT
"""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa

from models.manifest import Manifest
from models.schema import TabularSchema
from service.errors import ServiceError
from service.scoring.assembly import Assembled, assemble, check_kept
from service.scoring.bodies import json_body, table_of
from service.scoring.feed import Feed
from service.scoring.folder import PartsFolder
from service.scoring.parts import Part
from service.scoring.plan import Plan
from service.scoring.progress import ScoringProgress
from service.scoring.reader import Reader
from service.scoring.refusal import ScoringError
from service.scoring.sieve import OnError, Sieve
from service.scoring.sources import Source
from service.scoring.workers import Workers

AHEAD = 2
"""Parts that wait beside those that workers compute, so that no worker waits for one."""


class Order(NamedTuple):
    """What is asked for."""

    source: Source
    out: Path
    manifest: Manifest
    inputs: TabularSchema
    """What the manifest says that the model takes."""
    keep: tuple[str, ...] | None
    probabilities: bool
    on_error: OnError
    part_rows: int
    delimiter: str
    workers: int


class Summary(NamedTuple):
    """What a run has done."""

    model: str
    version: int
    out: str
    rows: int
    failed_rows: int
    """Rows without a prediction."""
    parts: int
    resumed_parts: int
    """Parts of an earlier run."""
    retried_parts: int
    """Parts that were computed anew because a worker had died."""
    seconds: float
    rows_per_s: float


class Run:
    """Scores one input.

    Args:
        order: what is asked.
        workers: compute; they have started.
        folder: keeps finished parts; it is open.
    """

    def __init__(self, order: Order, workers: Workers, folder: PartsFolder) -> None:
        self._order = order
        self._workers = workers
        self._folder = folder
        self._room = asyncio.Semaphore(order.workers + AHEAD)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: dict[int, Exception] = {}
        self._parts = 0
        self._resumed = 0

    async def run(self) -> Summary:
        """Score everything, and write it.

        Raises:
            ScoringError: it stopped at a row, or at what cannot be read; finished parts are kept.
        """
        started = time.monotonic()
        order = self._order
        schema = await self._answer_schema()
        sieve = Sieve(self._answer, order.inputs, schema, order.on_error)
        plan = Plan(order.inputs, order.keep, sieve.schema.names)
        reader = Reader(order.source, plan, order.part_rows, order.delimiter)
        label = f"{order.manifest.name} {order.manifest.version}"
        with ScoringProgress(reader.total_rows(), label) as progress:
            try:
                await self._compute_all(reader, sieve, progress)
            finally:
                await self._end()
            rows_per_s = progress.rows_per_s()
            done = await self._assembled(sieve.schema)
        return Summary(
            order.manifest.name,
            order.manifest.version,
            str(order.out),
            done.rows,
            done.failed_rows,
            self._parts,
            self._resumed,
            self._workers.retried(),
            time.monotonic() - started,
            rows_per_s,
        )

    async def _assembled(self, schema: pa.Schema) -> Assembled:
        steps = Feed(assemble(self._folder, self._parts, schema, self._order.out))
        done = Assembled(0, 0)
        while (step := await steps.next()) is not None:
            done = step
        return done

    async def _answer_schema(self) -> pa.Schema:
        """Return the columns of answers: those of the answer to the model's first golden row."""
        row = self._order.manifest.golden.instances[0]
        body = json_body(orjson.dumps({"instances": [row]}))
        try:
            return table_of(await self._answer(body, 1)).schema
        except ServiceError as error:
            raise ScoringError(f"The model fails on its own golden row: {error.message}") from error

    async def _answer(self, body: bytes, rows: int) -> bytes:
        return await self._workers.answer(body, rows, probabilities=self._order.probabilities)

    async def _compute_all(self, reader: Reader, sieve: Sieve, progress: ScoringProgress) -> None:
        """Read and compute until the end, or until something fails; then raise the first failure.

        The parts before it are finished first: which row is told of does not depend on time.
        """
        feed = Feed(reader.parts())
        failure: ScoringError | None = None
        while not self._failures:
            try:
                part = await feed.next()
            except ScoringError as error:
                failure = error
                break
            if part is None:
                break
            if part.number == 0:
                check_kept(part.rows.kept.schema, self._order.out)
            self._parts += 1
            if await asyncio.to_thread(self._folder.has, part.number, len(part.rows)):
                self._resumed += 1
                progress.advance(len(part.rows), reader.share(), resumed=True)
                continue
            await self._room.acquire()
            task = asyncio.create_task(self._compute(part, sieve, reader, progress))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._failures:
            raise self._failures[min(self._failures)]
        if failure is not None:
            raise failure

    async def _compute(
        self, part: Part, sieve: Sieve, reader: Reader, progress: ScoringProgress
    ) -> None:
        try:
            table = await sieve.score(part)
            await asyncio.to_thread(self._folder.write, part.number, table)
            progress.advance(len(part.rows), reader.share())
        except Exception as error:  # it is raised when those before it are done
            self._failures[part.number] = error
        finally:
            self._room.release()

    async def _end(self) -> None:
        """Start nothing any more."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
