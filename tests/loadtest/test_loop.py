"""The event loop with precise timers is an event loop."""

import asyncio
import time

from loadtest.client import run_load
from loadtest.loop import precise_loop
from loadtest.scenario import OpenLoad
from tests.loadtest.stubs import RIGHT, answering, http, requests, stub


def test_a_timer_never_fires_early() -> None:
    async def scenario() -> None:
        for _ in range(50):
            began_s = time.monotonic()
            await asyncio.sleep(0.0003)
            assert time.monotonic() - began_s >= 0.0003

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(scenario())


def test_sockets_wake_it_long_before_its_timers() -> None:
    async def scenario() -> None:
        async with stub(answering(http(RIGHT))) as server:
            load = OpenLoad(rate_per_s=100, duration_s=0.3, seed=1, timeout_s=60)
            async with asyncio.timeout(30):
                result = await run_load(server.address, requests(server.address), load)
        assert result.counts.right == result.sent > 10

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(scenario())
