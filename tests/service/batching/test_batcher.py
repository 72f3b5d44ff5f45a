"""The batcher with workers that only write down what they are sent."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest

import service.batching.batcher as batcher_module
import service.batching.inquest as inquest_module
from models.schema import OutputSchema
from service.batching.answer import Answer
from service.batching.batcher import Batcher
from service.batching.cost import CostModel
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.inquest import MAX_DEATHS
from service.batching.lane import Lane
from service.batching.quarantine import Quarantine
from service.codecs.cells import Cells
from service.errors import DeadlineExceeded, FrameError, Overloaded, PoisonInput
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


def test_a_free_worker_gets_a_lone_request_at_once() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.on_idle(1)
            future = stage.submit(1.0)
            await asyncio.sleep(0)
            assert stage.workers.values(0) == [1.0]
            stage.answer(1)
            assert (await future).predictions == [10.0]

    play(act)


def test_requests_gather_while_all_workers_are_busy() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.on_idle(1)
            stage.submit(0.0)
            await asyncio.sleep(0)
            futures = [stage.submit(float(i), i + 0.5) for i in range(1, 4)]
            await asyncio.sleep(0)
            assert len(stage.workers.sent) == 1
            stage.answer(1)
            assert stage.workers.values(1) == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
            stage.answer(1)
            answers = [(await future).predictions for future in futures]
            assert answers == [[10.0, 15.0], [20.0, 25.0], [30.0, 35.0]]
            assert stage.batches == [(1, 1), (6, 3)]

    play(act)


def test_a_batch_keeps_its_limit() -> None:
    async def act() -> None:
        async with scene(max_rows=4) as stage:
            for value in range(6):
                stage.submit(float(value))
            stage.batcher.on_idle(1)
            stage.batcher.on_idle(2)
            assert stage.workers.values(0) == [0.0, 1.0, 2.0, 3.0]
            assert stage.workers.values(1) == [4.0, 5.0]

    play(act)


def test_the_requests_of_a_dead_worker_are_answered_by_another() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(1.0), stage.submit(2.0)]
            stage.batcher.on_idle(1)
            stage.lose(1)
            stage.batcher.on_idle(2)
            assert stage.workers.values(1) == [1.0]  # each alone: one of them may be the killer
            stage.answer(2)
            assert stage.workers.values(2) == [2.0]
            stage.answer(2)
            assert [(await future).predictions for future in futures] == [[10.0], [20.0]]

    play(act)


def test_an_input_that_ends_two_workers_gets_no_third() -> None:
    async def act() -> None:
        async with scene() as stage:
            future = stage.submit(1.0)
            for worker in (1, 2):
                stage.batcher.on_idle(worker)
                stage.lose(worker)
            stage.batcher.on_idle(3)
            assert len(stage.workers.sent) == 2
            with pytest.raises(PoisonInput):
                await future

    play(act)


def test_a_quarantined_input_is_refused_and_others_are_not() -> None:
    async def act() -> None:
        async with scene() as stage:
            guilty = stage.submit(1.0)
            for worker in (1, 2):
                stage.batcher.on_idle(worker)
                stage.lose(worker)
            assert isinstance(guilty.exception(), PoisonInput)
            with pytest.raises(PoisonInput):
                stage.submit(1.0)
            innocent = stage.submit(2.0)
            stage.batcher.on_idle(3)
            stage.answer(3)
            assert (await innocent).predictions == [20.0]
            assert stage.batcher.statistics().quarantined == 1

    play(act)


def test_the_quarantine_outlives_the_batcher() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.submit(1.0)
            for worker in (1, 2):
                stage.batcher.on_idle(worker)
                stage.lose(worker)
            stage.batcher.close()
            stage.batcher = stage.another_batcher()
            stage.batcher.add_lane(stage.lane)
            with pytest.raises(PoisonInput):
                stage.submit(1.0)

    play(act)


def test_a_batch_whose_worker_somebody_else_killed_goes_together_once_more() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(1.0), stage.submit(2.0), stage.submit(1.0)]
            stage.batcher.on_idle(1)
            stage.batcher.on_lost(1)
            stage.batcher.on_idle(2)
            later = stage.submit(3.0)
            await asyncio.sleep(0)
            assert stage.workers.values(1) == [3.0]  # others need not wait for the cause
            assert stage.batcher.statistics()[:2] == (1, 3)
            stage.batcher.on_cause(1, is_outside=True)
            stage.answer(2)
            assert stage.workers.values(2) == [1.0, 1.0, 2.0]
            stage.answer(2)
            assert [(await one).predictions for one in (*futures, later)] == [
                [10.0], [20.0], [10.0], [30.0]
            ]  # fmt: skip
            assert stage.batcher.statistics()[:4] == (0, 0, 3, 0)

    play(act)


def test_a_batch_whose_worker_was_killed_twice_is_tried_one_by_one() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(1.0), stage.submit(2.0)]
            for worker in (1, 2):
                stage.batcher.on_idle(worker)
                stage.lose(worker, is_outside=True)
            stage.batcher.on_idle(3)
            assert stage.workers.values(2) == [1.0]
            stage.answer(3)
            assert stage.workers.values(3) == [2.0]
            stage.answer(3)
            assert [(await one).predictions for one in futures] == [[10.0], [20.0]]

    play(act)


def test_a_queue_that_stands_because_of_a_death_is_not_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [monotonic()]
    monkeypatch.setattr(batcher_module, "monotonic", lambda: clock[0])

    async def act() -> None:
        async with scene(max_rows=1) as stage:
            stage.lane.cost = CostModel(0.0, 0.01)
            stage.batcher.on_idle(1)
            for value in range(50):  # half a second of work: more than a quarter of the budget
                stage.submit(float(value))
            await asyncio.sleep(0)
            clock[0] += 1.5
            with pytest.raises(Overloaded):
                stage.submit(98.0)
            stage.batcher.on_lost(1)
            stage.submit(99.0)

    play(act)


def test_who_is_tried_alone_outlives_a_few_kills_but_not_any_number() -> None:
    async def act() -> None:
        async with scene() as stage:
            future = stage.submit(1.0)
            for worker in range(MAX_DEATHS):
                assert not future.done()
                stage.batcher.on_idle(worker)
                stage.lose(worker, is_outside=True)
            assert isinstance(future.exception(), PoisonInput)

    play(act)


def test_a_death_that_nobody_explains_is_the_inputs_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquest_module, "PATIENT_CAUSE_S", 0.05)

    async def act() -> None:
        async with scene() as stage:
            future = stage.submit(1.0)
            stage.batcher.on_idle(1)
            stage.batcher.on_lost(1)
            stage.batcher.on_idle(2)
            await asyncio.sleep(2 * inquest_module.CAUSE_S)
            assert len(stage.workers.sent) == 2
            stage.batcher.on_lost(2)
            with pytest.raises(PoisonInput):
                await future

    play(act)


def test_equal_inputs_wait_for_the_one_that_is_tried_and_share_its_fate() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(1.0), stage.submit(1.0), stage.submit(2.0)]
            stage.batcher.on_idle(1)
            stage.lose(1)
            later = stage.submit(1.0)
            stage.batcher.on_idle(2)  # the first of the equal ones, alone
            assert stage.workers.values(1) == [1.0]
            stage.batcher.on_idle(3)  # the other suspect, alone
            assert stage.workers.values(2) == [2.0]
            stage.answer(3)  # which is cleared; the queue holds a copy of the suspect: it waits
            assert len(stage.workers.sent) == 3
            stage.lose(2)
            for future in (futures[0], futures[1], later):
                assert isinstance(future.exception(), PoisonInput)
            assert (await futures[2]).predictions == [20.0]
            assert stage.batcher.statistics()[:2] == (0, 0)

    play(act)


def test_a_success_clears_the_suspect_and_frees_who_waited() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(1.0) for _ in range(5)]
            stage.batcher.on_idle(1)
            stage.lose(1)
            stage.batcher.on_idle(2)
            stage.answer(2)
            assert stage.workers.values(2) == [1.0] * 4  # together again
            stage.answer(2)
            assert [(await future).predictions for future in futures] == [[10.0]] * 5
            assert stage.batcher.statistics().quarantined == 0

    play(act)


def test_when_the_tried_client_goes_the_next_with_its_input_is_tried() -> None:
    async def act() -> None:
        async with scene() as stage:
            gone, stays = stage.submit(1.0), stage.submit(1.0)
            stage.batcher.on_idle(1)
            stage.lose(1)
            gone.cancel()
            stage.batcher.on_idle(2)
            assert stage.workers.values(1) == [1.0]
            stage.answer(2)
            assert (await stays).predictions == [10.0]

    play(act)


def test_a_cancelled_request_is_not_started_and_harms_nobody() -> None:
    async def act() -> None:
        async with scene() as stage:
            gone, stays = stage.submit(1.0), stage.submit(2.0)
            gone.cancel()
            stage.batcher.on_idle(1)
            assert stage.workers.values(0) == [2.0]
            stage.answer(1)
            assert (await stays).predictions == [20.0]

    play(act)


def test_a_request_cancelled_on_its_way_leaves_its_neighbours_their_answers() -> None:
    async def act() -> None:
        async with scene() as stage:
            futures = [stage.submit(float(i)) for i in range(4)]
            stage.batcher.on_idle(1)
            futures[1].cancel()
            stage.answer(1)
            kept = [futures[0], futures[2], futures[3]]
            assert [(await future).predictions for future in kept] == [[0.0], [20.0], [30.0]]
            assert stage.batcher.statistics()[:2] == (0, 0)

    play(act)


def test_a_request_whose_time_is_over_is_answered_and_not_started() -> None:
    async def act() -> None:
        async with scene() as stage:
            with pytest.raises(DeadlineExceeded):
                stage.submit(1.0, timeout_s=0.0)
            late = stage.submit(1.0, timeout_s=0.05)
            with pytest.raises(DeadlineExceeded):
                await late
            assert stage.batcher.statistics().waiting == 0
            stage.batcher.on_idle(1)
            assert stage.workers.sent == []

    play(act)


def test_one_too_many_is_refused() -> None:
    async def act() -> None:
        async with scene(max_waiting=2) as stage:
            stage.submit(1.0)
            stage.submit(2.0)
            with pytest.raises(Overloaded):
                stage.submit(3.0)
            stage.batcher.on_idle(1)
            stage.submit(3.0)

    play(act)


def test_an_answer_with_other_rows_reaches_nobody() -> None:
    async def act() -> None:
        async with scene() as stage:
            future = stage.submit(1.0, 2.0)
            stage.batcher.on_idle(1)
            short = BatchResult(
                1, [ResultEntry(1, Status.ROWS, b"")], values=struct.pack("=d", 1.0)
            )
            with pytest.raises(FrameError):
                stage.batcher.on_result(1, short)
            assert not future.done()

    play(act)


def test_lanes_take_turns_by_age_and_never_mix() -> None:
    async def act() -> None:
        async with scene() as stage:
            other = Lane("toy/2", 5, OUTPUT, lambda rows, requests: None, lambda *_: None)
            stage.batcher.add_lane(other)
            stage.submit(1.0)
            cells = Cells(1, struct.pack("=d", 9.0))
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            ask = Ask("somebody", NORMAL, monotonic() + 60)
            entry = Entry(Payload(1, cells), False, ask, future)
            stage.batcher.submit(other, entry)
            stage.submit(2.0)
            stage.batcher.on_idle(1)
            stage.batcher.on_idle(2)
            assert [batch.model for _, batch in stage.workers.sent] == [0, 5]
            assert stage.workers.values(0) == [1.0, 2.0]

    play(act)
