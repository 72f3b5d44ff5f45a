"""The balancer over sockets: whom it asks, and how it fails."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from loadtest.balancer.policies import Policy
from loadtest.balancer.policies.blind import RoundRobin
from loadtest.balancer.policies.outstanding import LeastOutstanding
from loadtest.client import run_load
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import ClosedLoad
from tests.loadtest.balancer.proxied import exchange, get, in_front_of, ready, running, split
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    answering,
    cut,
    hang_up,
    http,
    never,
    requests,
    stub,
    until,
)


async def load_through(behaviours: Sequence[Behaviour], policy: Policy | None) -> LoadResult:
    async with (
        stub(behaviours[0]) as a,
        stub(behaviours[-1]) as b,
        in_front_of([a, b], policy) as t,
    ):
        load = ClosedLoad(connections=4, duration_s=0.3, timeout_s=10)
        return await run_load(t, requests(t, 4), load)


@pytest.mark.parametrize("policy", [RoundRobin("ab"), LeastOutstanding("ab", Random(0))])
def test_every_answer_comes_through_and_names_its_replica(policy: Policy) -> None:
    result = asyncio.run(load_through([answering(http(RIGHT))], policy))
    assert result.counts.right == result.sent >= 4
    by_replica = Counter(record.replica for record in result.records)
    selected = policy.snapshot().selected
    assert by_replica == Counter(selected)
    assert min(by_replica.values()) > 0
    assert set(policy.snapshot().outstanding.values()) == {0}


def test_round_robin_is_even_to_one_request() -> None:
    result = asyncio.run(load_through([answering(http(RIGHT))], None))
    by_replica = Counter(record.replica for record in result.records)
    assert abs(by_replica["a"] - by_replica["b"]) <= 1


def test_least_outstanding_leaves_a_hanging_replica_alone() -> None:
    async def scenario() -> None:
        policy = LeastOutstanding("ab", Random(0))
        stop = asyncio.Event()

        async def stop_after(heard: Heard, writer: asyncio.StreamWriter) -> None:
            writer.write(http(RIGHT))
            if len(b.heard) >= 100:
                stop.set()
                await until(lambda: bool(hanging))
                for each in hanging:
                    each.write(http(RIGHT))

        hanging: list[asyncio.StreamWriter] = []

        async def hang(heard: Heard, writer: asyncio.StreamWriter) -> None:
            hanging.append(writer)

        async with stub(hang) as a, stub(stop_after) as b, in_front_of([a, b], policy) as target:
            load = ClosedLoad(connections=2, duration_s=60, timeout_s=30)
            result = await run_load(target, requests(target), load, stop)
        # With two clients, one hangs and the other always finds the second replica idle.
        assert len(a.heard) == 1
        assert result.counts.right == result.sent >= 101

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("behave", "status", "outcome"),
    [
        (answering(http(b"{}", "503 Busy")), 503, Outcome.REFUSED),
        (answering(http(b"{}", "404 No")), 404, Outcome.LOST),
        (hang_up, 502, Outcome.LOST),
        (answering(b"garbage\r\n\r\n"), 502, Outcome.LOST),
        (cut, 0, Outcome.LOST),
    ],
)
def test_a_failing_replica_fails_the_request_and_nothing_is_tried_twice(
    behave: Behaviour, status: int, outcome: Outcome
) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()

        async def once(heard: Heard, writer: asyncio.StreamWriter) -> None:
            stop.set()
            await behave(heard, writer)

        async with stub(once) as a, stub(once) as b, in_front_of([a, b]) as target:
            load = ClosedLoad(connections=1, duration_s=60, timeout_s=10)
            result = await run_load(target, requests(target), load, stop)
            assert len(a.heard) + len(b.heard) == 1
        (record,) = result.records
        assert (record.status, record.outcome) == (status, outcome)
        if status == 0:
            assert record.cause in {"closed", "cut"}  # aborted, never ended cleanly

    asyncio.run(scenario())


def test_a_replica_that_is_too_slow_is_504_and_its_connection_is_not_used_again() -> None:
    async def scenario() -> None:
        async with stub(never) as a, in_front_of([a], answer_timeout_s=0.1) as target:
            answers = [await exchange(target, get()) for _ in range(2)]
            assert [split(answer)[0] for answer in answers] == [
                "HTTP/1.1 504 The replica did not answer in time"
            ] * 2
            assert a.heard[0].connection != a.heard[1].connection

    asyncio.run(scenario())


def test_a_dead_replica_is_502_once_and_comes_back_when_a_probe_is_answered() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        # A probe long after the first: only a request finds out that the replica has died.
        settings = {"probes": {"interval_s": 0.5}, "upstream_idle_s": 0.0}
        async with stub(answering(http(RIGHT))) as first:
            port = first.address.port
            bound = running([first], policy, **settings)
            started = await bound.__aenter__()
            target = started.address
        try:
            assert split(await exchange(target, get()))[0].startswith("HTTP/1.1 502 ")
            status, headers, _ = split(await exchange(target, get()))
            assert status == "HTTP/1.1 503 No replica is ready"
            assert headers["retry-after"] == "1"
            async with stub(answering(http(RIGHT)), port):
                await until(lambda: ready(started) == ["a"])
                assert split(await exchange(target, get()))[0] == "HTTP/1.1 200 OK"
        finally:
            await bound.__aexit__(None, None, None)

    asyncio.run(scenario())


def test_a_replica_that_says_it_drains_gets_nothing_more() -> None:
    async def scenario() -> None:
        policy = RoundRobin("ab")
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], policy) as started,
        ):
            target = started.address
            a.ready = False
            await until(lambda: ready(started) == ["b"])
            for _ in range(4):
                await exchange(target, get())
            assert (len(a.heard), len(b.heard)) == (0, 4)

    asyncio.run(scenario())


def test_a_client_that_goes_takes_its_request_with_it() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        async with stub(never) as a, in_front_of([a], policy) as target:
            _, writer = await asyncio.open_connection(target.host, target.port)
            writer.write(get())
            await until(lambda: len(a.heard) == 1 and policy.outstanding("a") == 1)
            writer.transport.abort()
            await until(lambda: policy.outstanding("a") == 0)
            # The replica is told as well: but for probes, nobody is connected to it any more.
            await until(lambda: a.now_open == 0)

    asyncio.run(scenario())


def test_a_full_replica_refuses() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        async with stub(never) as a, in_front_of([a], policy, replica_limit=1) as target:
            _, writer = await asyncio.open_connection(target.host, target.port)
            writer.write(get())
            await until(lambda: len(a.heard) == 1)
            status, _, _ = split(await exchange(target, get()))
            assert status == "HTTP/1.1 503 Every replica is full"
            assert policy.outstanding("a") == 1
            writer.transport.abort()

    asyncio.run(scenario())
