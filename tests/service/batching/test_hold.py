"""A batcher that is held begins nothing, forgets nothing, and lets nobody wait for too long."""

import asyncio

import pytest

from service.errors import DeadlineExceeded
from tests.service.batching.scene import play, scene


def test_nothing_is_sent_before_the_release_and_then_all_of_it() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.hold()
            stage.batcher.on_idle(1)
            futures = [stage.submit(1.0), stage.submit(2.0)]
            await asyncio.sleep(0.05)  # longer than the sweep, which looks at all that waits
            assert stage.workers.sent == []
            stage.batcher.release()
            assert stage.workers.values(0) == [1.0, 2.0]
            stage.answer(1)
            assert [(await one).predictions for one in futures] == [[10.0], [20.0]]

    play(act)


def test_what_was_sent_before_is_answered_and_its_worker_waits() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.on_idle(1)
            first = stage.submit(1.0)
            await asyncio.sleep(0)
            stage.batcher.hold()
            second = stage.submit(2.0)
            stage.answer(1)
            assert (await first).predictions == [10.0]
            assert len(stage.workers.sent) == 1
            stage.batcher.release()
            stage.answer(1)
            assert (await second).predictions == [20.0]

    play(act)


def test_deadlines_go_on_while_it_is_held() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.hold()
            stage.batcher.on_idle(1)
            late = stage.submit(1.0, timeout_s=0.03)
            with pytest.raises(DeadlineExceeded):
                await late
            stage.batcher.release()
            assert stage.workers.sent == []

    play(act)
