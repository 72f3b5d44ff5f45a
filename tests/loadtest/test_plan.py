"""Shares of a load: however many processes there are, the load is the same."""

import asyncio
import time
from collections import Counter

import pytest

from loadtest.arrivals import schedule
from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.payload import Request
from loadtest.plan import ClosedPlan, OpenPlan, Share, plan
from loadtest.record import LoadResult, Outcome, merged
from loadtest.scenario import ClosedLoad, MlperfLoad, OpenLoad
from tests.loadtest.stubs import EXPECTED, RIGHT, answering, http, requests, stub

ANYWHERE = Address("127.0.0.1", 1)
MIX = [
    Request(wire=b"", expected=EXPECTED, rows=1, weight=9),
    Request(wire=b"", expected=EXPECTED, rows=50, weight=1),
]


def open_plans(load: OpenLoad, of: int) -> list[OpenPlan]:
    plans = [plan(load, MIX, Share(index, of)) for index in range(of)]
    assert all(isinstance(each, OpenPlan) for each in plans)
    return plans  # type: ignore[return-value]


def test_one_schedule_is_dealt_out_and_each_arrival_sends_what_it_always_did() -> None:
    load = OpenLoad(rate_per_s=500, duration_s=4, seed=3, max_connections=10)
    (whole,) = open_plans(load, 1)
    shares = open_plans(load, 3)
    assert whole.starts_s == schedule(load).tolist()
    dealt = sorted(pair for each in shares for pair in zip(each.starts_s, each.picks, strict=True))
    assert dealt == list(zip(whole.starts_s, whole.picks, strict=True))
    sizes = [len(each.starts_s) for each in shares]
    assert max(sizes) - min(sizes) <= 1
    assert [each.max_connections for each in shares] == [4, 3, 3]


def test_requests_are_drawn_by_their_weights() -> None:
    load = OpenLoad(rate_per_s=1000, duration_s=20, seed=1)
    drawn = Counter(open_plans(load, 1)[0].picks)
    assert drawn[1] / drawn.total() == pytest.approx(0.1, abs=0.01)


def test_connections_and_samples_are_dealt_out_to_the_last_one() -> None:
    closed = [plan(ClosedLoad(connections=10, duration_s=1), MIX, Share(k, 4)) for k in range(4)]
    assert [each.max_connections for each in closed if isinstance(each, ClosedPlan)] == [3, 3, 2, 2]
    offline = MlperfLoad(scenario="Offline", samples=101, processes=2)
    rows = [Request(wire=b"", expected=EXPECTED, rows=10)]
    queries = [plan(offline, rows, Share(k, 2)) for k in range(2)]
    assert [each.at_most for each in queries if isinstance(each, ClosedPlan)] == [6, 5]


def test_processes_start_together_and_their_records_are_put_in_order() -> None:
    async def scenario() -> LoadResult:
        load = OpenLoad(rate_per_s=200, duration_s=0.5, seed=1, processes=2)
        began_s = time.monotonic() + 0.2

        async def start() -> float:
            await asyncio.sleep(began_s - time.monotonic())
            return began_s

        async with stub(answering(http(RIGHT))) as server:
            sent = requests(server.address, 2)
            results = await asyncio.gather(
                *(
                    run_load(server.address, sent, load, share=Share(k, 2, start=start))
                    for k in range(2)
                )
            )
        return merged(results)

    result = asyncio.run(scenario())
    load = OpenLoad(rate_per_s=200, duration_s=0.5, seed=1)
    assert [each.intended_s for each in result.records] == pytest.approx(schedule(load))
    assert {each.process for each in result.records} == {0, 1}
    assert result.counts.right == result.sent
    assert len(result.cpu_by_process) == 2


def test_a_connection_thinks_before_it_asks_again() -> None:
    """X = N / (R + Z): four connections that think 50 ms ask about 80 times a second at most."""

    async def scenario() -> LoadResult:
        load = ClosedLoad(connections=4, duration_s=1.0, think_s=0.05)
        async with stub(answering(http(RIGHT))) as server:
            return await run_load(server.address, requests(server.address), load)

    result = asyncio.run(scenario())
    assert 4 <= result.sent <= 80
    assert {each.outcome for each in result.records} == {Outcome.RIGHT}
    assert min(each.intended_s for each in result.records) >= 0.05 - 1e-9
    by_end = sorted(each.done_s for each in result.records)
    starts = sorted(each.intended_s for each in result.records)
    # No request is due before the think time after the end of the one four before it.
    assert all(start >= end + 0.05 - 1e-9 for start, end in zip(starts[4:], by_end, strict=False))


def test_think_times_that_are_drawn_have_their_mean() -> None:
    async def scenario() -> LoadResult:
        load = ClosedLoad(connections=40, duration_s=1.0, think_s=0.05, think="exponential")
        async with stub(answering(http(RIGHT))) as server:
            return await run_load(server.address, requests(server.address), load)

    result = asyncio.run(scenario())
    first = sorted(each.intended_s for each in result.records)[:20]
    # A constant think time would have none before 50 ms.
    assert first[0] < 0.03
    assert result.sent <= 40 * 40
