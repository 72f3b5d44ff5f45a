"""The closed loop: clients that wait, think, rest and leave."""

import asyncio
from itertools import pairwise

import pytest

from loadtest.client import run_load
from loadtest.plan import Share
from loadtest.record import LoadResult, Record
from loadtest.scenario import ClosedLoad
from tests.loadtest.stubs import RIGHT, Behaviour, answering, http, requests, stub, until


def run(behave: Behaviour, load: ClosedLoad, share: Share | None = None) -> list[Record]:
    async def scenario() -> list[Record]:
        async with stub(behave) as server, asyncio.timeout(60):
            result = await run_load(server.address, requests(server.address), load, share=share)
        return list(result.records)

    return asyncio.run(scenario())


def test_a_client_asks_again_when_it_has_thought_and_was_due_then() -> None:
    load = ClosedLoad(connections=1, duration_s=1.0, think_s=0.02, think="constant")
    records = run(answering(http(RIGHT)), load)
    assert len(records) >= 2
    assert records[0].intended_s > 0.019  # it thinks before it asks for the first time
    for one, other in pairwise(records):
        assert other.intended_s >= one.done_s + 0.02
        assert other.taken_s >= other.intended_s


def test_without_thinking_a_client_is_due_when_it_is_free() -> None:
    records = run(answering(http(RIGHT)), ClosedLoad(connections=1, duration_s=0.1))
    assert all(record.taken_s == record.intended_s for record in records)
    assert all(other.taken_s >= one.done_s for one, other in pairwise(records))


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy"])
def test_a_client_that_was_refused_or_lost_rests(status: str) -> None:
    records = run(answering(http(b"{}", status)), ClosedLoad(connections=1, duration_s=0.1))
    assert records
    assert all(other.taken_s >= one.done_s + 0.01 for one, other in pairwise(records))


def test_clients_that_think_leave_when_they_are_stopped() -> None:
    async def scenario() -> LoadResult:
        stop = asyncio.Event()
        async with stub(answering(http(RIGHT))) as server:
            load = ClosedLoad(connections=3, duration_s=7200, think_s=3600, think="constant")
            running = asyncio.create_task(
                run_load(server.address, requests(server.address), load, stop)
            )
            await until(lambda: server.connections == 3)
            stop.set()
            async with asyncio.timeout(30):
                return await running

    assert asyncio.run(scenario()).sent == 0


def test_a_process_without_a_client_is_over_at_once() -> None:
    share = Share(index=2, of=3)
    assert run(answering(http(RIGHT)), ClosedLoad(connections=2, duration_s=3600), share) == []
