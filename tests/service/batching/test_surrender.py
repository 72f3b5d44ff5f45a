"""A batcher that will have no worker any more gives away all that waits, and nothing twice."""

import asyncio

import pytest

from service.batching.batcher import Batcher
from service.batching.lane import Lane
from tests.service.batching.scene import OUTPUT, Scene, play, scene


def heir_of(stage: Scene) -> tuple[Batcher, Lane]:
    """Let another batcher, with a lane of its own, take over from now on."""
    former = stage.batcher
    batcher = stage.batcher = stage.another_batcher()
    lane = Lane("toy/1", 0, OUTPUT, lambda *_: None, lambda *_: None)
    batcher.add_lane(lane)
    for _, entry in former.surrender():
        batcher.submit(lane, entry)
    return former, lane


@pytest.mark.parametrize("is_outside", [True, False], ids=["killed", "ended by themselves"])
def test_what_a_dead_worker_had_and_what_waited_are_answered_by_the_heir(is_outside: bool) -> None:
    async def act() -> None:
        async with scene(max_rows=2) as stage:
            stage.batcher.on_idle(1)
            futures = [stage.submit(float(i)) for i in range(1, 6)]
            await asyncio.sleep(0)
            assert stage.workers.values(0) == [1.0, 2.0]
            stage.lose(1, is_outside=is_outside)
            former, _ = heir_of(stage)
            assert former.statistics()[:2] == (0, 0)
            assert former.surrender() == []
            stage.batcher.on_idle(2)
            while stage.batcher.statistics().in_flight:
                stage.answer(2)
                await asyncio.sleep(0)
            answers = [(await future).predictions for future in futures]
            assert answers == [[10.0], [20.0], [30.0], [40.0], [50.0]]
            former.close()

    play(act)


def test_who_waited_for_an_equal_input_goes_along() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.on_idle(1)
            first, equal = stage.submit(1.0), stage.submit(1.0)
            await asyncio.sleep(0)
            stage.lose(1)
            assert stage.batcher.statistics().waiting == 2
            former, _ = heir_of(stage)
            stage.batcher.on_idle(2)
            assert stage.workers.values(1) == [1.0, 1.0]
            stage.answer(2)
            assert [(await one).predictions for one in (first, equal)] == [[10.0], [10.0]]
            former.close()

    play(act)


def test_what_is_in_doubt_is_kept_until_it_waits_again() -> None:
    async def act() -> None:
        async with scene() as stage:
            stage.batcher.on_idle(1)
            future = stage.submit(1.0)
            await asyncio.sleep(0)
            stage.batcher.on_lost(1)
            assert stage.batcher.surrender() == []
            assert stage.batcher.statistics().in_flight == 1
            stage.batcher.on_cause(1, True)
            former, _ = heir_of(stage)
            stage.batcher.on_idle(2)
            stage.answer(2)
            assert (await future).predictions == [10.0]
            former.close()

    play(act)
