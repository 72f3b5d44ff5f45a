"""Workers that die: whose requests are tried again, together or alone, and whose are not."""

import asyncio
from time import monotonic

import pytest

import service.batching.batcher as batcher_module
import service.batching.inquest as inquest_module
from service.batching.cost import CostModel
from service.batching.inquest import MAX_DEATHS
from service.errors import Overloaded, PoisonInput
from tests.service.batching.scene import play, scene


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
