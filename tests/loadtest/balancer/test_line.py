"""The central queue, drains, ejection and reported weights, over sockets."""

import asyncio
import json
import time

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.server import balancer
from tests.loadtest.balancer.fronted import ask, running, waits_for
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    answering,
    http,
    never,
    stub,
    until,
)


def test_beyond_a_replica_s_limit_requests_wait_in_line_and_are_answered() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            running([a], replica_limit=2, queue=3, queue_timeout_s=30.0) as started,
        ):
            asked = [asyncio.create_task(ask(started.address)) for _ in range(5)]
            await until(lambda: started.dispatcher.longest_queue == 3)
            assert len(a.heard) == 2
            # The line is full.
            assert (await ask(started.address))[0] == 503
            free.set()
            assert {(await each)[0] for each in asked} == {200}
            assert len(a.heard) == 5

    asyncio.run(scenario())


def test_nobody_waits_in_line_beyond_the_time() -> None:
    async def scenario() -> None:
        async with stub(never) as a:
            settings = {"replica_limit": 1, "queue": 5, "queue_timeout_s": 0.05}
            async with running([a], **settings) as started:
                first = asyncio.create_task(ask(started.address))
                await until(lambda: len(a.heard) == 1)
                status, _, body = await ask(started.address)
                assert (status, json.loads(body)["code"]) == (503, "queue_timeout")
                assert len(a.heard) == 1
                first.cancel()

    asyncio.run(scenario())


def test_a_client_that_leaves_the_line_leaves_its_place() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            running([a], replica_limit=1, queue=1, queue_timeout_s=30.0) as started,
        ):
            first = asyncio.create_task(ask(started.address))
            await until(lambda: len(a.heard) == 1)
            leaver = asyncio.create_task(ask(started.address))
            await until(lambda: started.dispatcher.longest_queue == 1)
            leaver.cancel()
            await until(lambda: started.dispatcher.waiting == 0)
            last = asyncio.create_task(ask(started.address))
            await until(lambda: started.dispatcher.waiting == 1)
            free.set()
            assert ((await first)[0], (await last)[0]) == (200, 200)
            assert len(a.heard) == 2

    asyncio.run(scenario())


def test_a_drain_waits_for_what_is_outstanding_and_gives_nothing_new() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b]) as started,
        ):
            first = asyncio.create_task(ask(started.address))
            await until(lambda: len(a.heard) == 1)
            assert not await started.drain("a", 0.05)
            drained = asyncio.create_task(started.drain("a", 30.0))
            for _ in range(4):
                assert (await ask(started.address))[1] == "b"
            assert not drained.done()
            free.set()
            assert (await drained, (await first)[0]) == (True, 200)
            started.undrain("a")
            assert {(await ask(started.address))[1] for _ in range(2)} == {"a", "b"}

    asyncio.run(scenario())


def test_a_black_hole_is_ejected_after_its_failures_in_a_row() -> None:
    async def scenario() -> None:
        async with stub(answering(http(b"{}", "503 Busy"))) as a, stub(answering(http(RIGHT))) as b:
            settings = {"ejection": {"consecutive_failures": 3, "base_s": 60.0}}
            async with running([a, b], **settings) as started:
                statuses = [(await ask(started.address))[0] for _ in range(20)]
                assert (statuses.count(503), len(a.heard)) == (3, 3)

    asyncio.run(scenario())


def test_weights_come_from_what_replicas_say_of_themselves() -> None:
    async def scenario() -> None:
        def saying(utilisation: float) -> Behaviour:
            extra = (
                f"endpoint-load-metrics: TEXT cpu_utilization={utilisation},rps_fractional=90\r\n"
            )
            return answering(http(RIGHT, extra=extra))

        async with stub(saying(0.3)) as a, stub(saying(0.9)) as b:
            replicas = tuple(
                Replica(name=name, host=each.address.host, port=each.address.port)
                for name, each in zip("ab", (a, b), strict=True)
            )
            config = BalancerConfig.model_validate(
                {
                    "replicas": replicas,
                    "policy": "utilisation",
                    "policy_settings": {"blackout_s": 0.0, "update_s": 0.01},
                }
            )
            async with balancer(config) as started:
                await until(lambda: len(started.roster.ready(time.monotonic())) == 2)
                for _ in range(4):
                    await ask(started.address)
                await asyncio.sleep(0.05)
                a.heard.clear()
                b.heard.clear()
                for _ in range(80):
                    await ask(started.address)
        assert abs(len(a.heard) - 60) <= 3
        assert len(a.heard) + len(b.heard) == 80

    asyncio.run(scenario())
