"""The batcher with workers that only write down what they are sent."""

import asyncio
import struct
from time import monotonic

import pytest

from service.batching.answer import Answer
from service.batching.entry import Ask, Entry, Payload
from service.batching.fair import NORMAL
from service.batching.lane import Lane
from service.codecs.cells import Cells
from service.errors import DeadlineExceeded, FrameError, Overloaded
from service.inference.messages import (
    BatchResult,
    ResultEntry,
    Status,
)
from tests.service.batching.scene import OUTPUT, play, scene


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
