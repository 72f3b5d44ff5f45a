"""Retries and hedges, over sockets."""

import asyncio

import pytest

from tests.loadtest.balancer.fronted import ask, running, waits_for
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    answering,
    cut,
    hang_up,
    http,
    never,
    stub,
    until,
)

RETRIES = {"attempts": 2, "on": ["connect", "closed", "cut", "503"]}


@pytest.mark.parametrize("bad", [hang_up, cut, answering(http(b"{}", "503 Busy"))])
def test_what_one_replica_fails_another_answers(bad: Behaviour) -> None:
    async def scenario() -> None:
        async with (
            stub(bad) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            assert await ask(started.address) == (200, "b", RIGHT)
            assert (len(a.heard), len(b.heard)) == (1, 1)
            assert (started.tally.clients, started.tally.retries) == (1, 1)
            assert dict(started.tally.upstream) == {"a": 1, "b": 1}

    asyncio.run(scenario())


def test_a_retry_never_goes_to_a_replica_that_had_the_request() -> None:
    async def scenario() -> None:
        async with stub(hang_up) as a, running([a], retries={"attempts": 5}) as started:
            assert (await ask(started.address))[0] == 502
            assert len(a.heard) == 1

    asyncio.run(scenario())


def test_what_is_not_to_be_tried_again_is_not() -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(b"{}", "500 Bad"))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            assert (await ask(started.address))[:2] == (500, "a")
            assert b.heard == []

    asyncio.run(scenario())


def test_a_failing_fleet_is_not_asked_twice_as_much() -> None:
    """The throttle: after five more failures than successes nothing is tried again."""

    async def scenario() -> None:
        async with (
            stub(hang_up) as a,
            stub(hang_up) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            for _ in range(40):
                assert (await ask(started.address))[0] == 502
            assert started.tally.retries == 2  # failures 1 and 2, 3 and 4; the fifth ends it
            assert sum(started.tally.upstream.values()) == 42

    asyncio.run(scenario())


def test_a_hedge_answers_for_a_replica_that_hangs_and_the_other_is_hung_up_on() -> None:
    async def scenario() -> None:
        async with (
            stub(never) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], hedge_after_s=0.02) as started,
        ):
            assert await ask(started.address) == (200, "b", RIGHT)
            await until(lambda: started.dispatcher.outstanding("a") == 0)
            await until(lambda: a.now_open == 0)
            assert (started.tally.hedges, started.tally.hedges_won) == (1, 1)
            assert started.tally.retries == 0

    asyncio.run(scenario())


def test_who_answers_in_time_is_not_hedged() -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], hedge_after_s=10.0) as started,
        ):
            for _ in range(6):
                assert (await ask(started.address))[0] == 200
            assert (started.tally.hedges, len(a.heard) + len(b.heard)) == (0, 6)

    asyncio.run(scenario())


def test_a_first_answer_after_the_hedge_began_still_counts() -> None:
    async def scenario() -> None:
        free = asyncio.Event()

        async def frees(heard: Heard, writer: asyncio.StreamWriter) -> None:
            free.set()  # the hedge is here, and never answers: now the first may

        async with (
            stub(waits_for(free)) as a,
            stub(frees) as b,
            running([a, b], hedge_after_s=0.02) as started,
        ):
            assert (await ask(started.address))[:2] == (200, "a")
            assert (started.tally.hedges, started.tally.hedges_won) == (1, 0)
            await until(lambda: started.dispatcher.outstanding("b") == 0)

    asyncio.run(scenario())
