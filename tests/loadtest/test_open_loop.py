"""The open loop: stopped at any time, it takes nothing up any more."""

import asyncio
import time

from loadtest.client import run_load
from loadtest.plan import Share
from loadtest.record import LoadResult
from loadtest.scenario import OpenLoad
from tests.loadtest.stubs import RIGHT, answering, http, requests, stub

SELDOM = OpenLoad(rate_per_s=0.001, arrivals="constant", duration_s=3600)
OFTEN = OpenLoad(rate_per_s=1000, duration_s=3600)


def stopped(load: OpenLoad, when: str) -> LoadResult:
    """Put a load on that is stopped before its clock starts, or after."""

    async def scenario() -> LoadResult:
        stop = asyncio.Event()

        async def start() -> float:
            loop = asyncio.get_running_loop()
            if when == "before":
                stop.set()
            else:
                loop.call_later(0.05, stop.set)
            return time.monotonic()

        async with stub(answering(http(RIGHT))) as server, asyncio.timeout(30):
            share = Share(start=start)
            return await run_load(server.address, requests(server.address), load, stop, share=share)

    return asyncio.run(scenario())


def test_a_load_whose_next_arrival_is_far_away_stops_at_once() -> None:
    result = stopped(SELDOM, "after")
    assert result.counts.right == result.sent <= 1


def test_a_load_that_is_stopped_ends_with_what_it_took_up() -> None:
    result = stopped(OFTEN, "after")
    assert result.counts.right == result.sent < 3600 * 1000
    assert result.elapsed_s < 3600


def test_a_load_that_is_stopped_before_it_begins_sends_nothing() -> None:
    assert stopped(OFTEN, "before").sent == 0
