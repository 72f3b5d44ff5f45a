"""The sender: who goes when all connections are busy, and who is given up when."""

import asyncio
import json
import time
from asyncio import TimerHandle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from loadtest import sending
from loadtest.client import run_load
from loadtest.connection import Connection, connect
from loadtest.http1 import Address, Loss, LossCause
from loadtest.payload import Request
from loadtest.plan import Share
from loadtest.record import Outcome, Record
from loadtest.recording import Recorder
from loadtest.scenario import ClosedLoad, OpenLoad
from loadtest.sending import Sender, Target
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    Stub,
    answering,
    cut,
    http,
    never,
    requests,
    stub,
    until,
)

COUNT = 8


class Bench:
    """A sender, what it sends, and what became of it."""

    def __init__(self, target: Address, timeout_s: float, max_connections: int) -> None:
        self.began_s = time.monotonic()
        self.prepared = requests(target, COUNT)
        self._recorder = Recorder(self.prepared, Share())
        wires = [request.wire for request in self.prepared]
        self.sender = Sender(Target(target, timeout_s, max_connections), wires, self._recorder)
        self.ends: list[Outcome] = []

    def take(self, *numbers: int, ago_s: float = 0.0) -> None:
        for number in numbers:
            intended_s = time.monotonic() - ago_s
            self.sender.take(number, self.ends.append, intended_s)

    async def records(self, count: int) -> list[Record]:
        await until(lambda: len(self.ends) == count)
        assert not self.sender.outstanding
        return list(await self._recorder.records(self.began_s))


@asynccontextmanager
async def bench(
    behave: Behaviour, timeout_s: float = 30.0, max_connections: int = 1
) -> AsyncIterator[tuple[Bench, Stub]]:
    async with stub(behave) as server:
        self = Bench(server.address, timeout_s, max_connections)
        try:
            yield self, server
        finally:
            self.sender.close()


def numbers(server: Stub) -> list[int]:
    """Which requests a stub heard, in that order."""
    return [int(json.loads(heard.body)["instances"][0][0]) for heard in server.heard]


@pytest.mark.parametrize("max_connections", [1, 3])
def test_who_waited_longest_goes_first_when_a_connection_is_free(max_connections: int) -> None:
    async def scenario() -> None:
        async with bench(answering(http(RIGHT)), max_connections=max_connections) as (self, server):
            self.take(*range(COUNT))
            records = await self.records(COUNT)
            assert server.connections == max_connections
            assert sorted(numbers(server)) == list(range(COUNT))
            # Over several connections the requests are written in order, but heard as they come.
            sent = sorted(records, key=lambda record: record.sent_s)
            assert [record.request for record in sent] == list(range(COUNT))
            if max_connections == 1:
                assert numbers(server) == list(range(COUNT))
                for one, other in pairwise(records):
                    assert other.taken_s < one.done_s <= other.sent_s

    asyncio.run(scenario())


def test_each_request_is_given_up_at_its_own_time_and_those_between_are_answered() -> None:
    async def scenario() -> None:
        async def odd_ones(heard: Heard, writer: asyncio.StreamWriter) -> None:
            if numbers(server)[-1] % 2:
                writer.write(http(RIGHT))

        async with bench(odd_ones, timeout_s=2.0, max_connections=COUNT) as (self, server):
            for number in range(COUNT):
                self.take(number)
                await asyncio.sleep(0.02)
            records = await self.records(COUNT)
        ends = {record.request: record for record in records}
        for number in range(1, COUNT, 2):
            assert (ends[number].outcome, ends[number].cause) == (Outcome.RIGHT, "")
        lost = [ends[number] for number in range(0, COUNT, 2)]
        assert all(record.censored and record.latency_s >= 2.0 for record in lost)
        assert [record.request for record in records if record.censored] == [0, 2, 4, 6]

    asyncio.run(scenario())


def test_who_waits_until_its_time_is_up_is_never_sent() -> None:
    async def scenario() -> None:
        async with bench(never, timeout_s=2.0) as (self, server):
            self.take(*range(COUNT))
            records = await self.records(COUNT)
            assert numbers(server) == [0]
            assert all(record.censored and record.latency_s >= 2.0 for record in records)
            assert all(record.sent_s == record.done_s for record in records[1:])
            assert records[0].sent_s < records[0].done_s

    asyncio.run(scenario())


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_request() -> None:
    async def scenario() -> None:
        async def first_is_late(heard: Heard, writer: asyncio.StreamWriter) -> None:
            if len(server.heard) == 1:
                await until(lambda: len(self.ends) == 1)
            writer.write(http(RIGHT))

        async with bench(first_is_late, timeout_s=2.0) as (self, server):
            self.take(0)
            await until(lambda: len(self.ends) == 1)
            self.take(1)
            records = await self.records(2)
            assert [record.cause for record in records] == ["timeout", ""]
            assert [heard.connection for heard in server.heard] == [1, 2]

    asyncio.run(scenario())


def test_who_is_told_of_a_time_out_may_take_the_next_one_up_and_there_is_still_one_timer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        call_at, timers = loop.call_at, 0

        def counted(
            when: float, callback: Callable[..., object], *args: Any, **more: Any
        ) -> TimerHandle:
            nonlocal timers
            timers += getattr(callback, "__name__", "") == "_expire"
            return call_at(when, callback, *args, **more)

        monkeypatch.setattr(loop, "call_at", counted)
        async with bench(never, timeout_s=0.05) as (self, _):

            def again(outcome: Outcome) -> None:
                self.ends.append(outcome)
                if len(self.ends) < COUNT:
                    self.sender.take(len(self.ends), again)

            self.sender.take(0, again)
            records = await self.records(COUNT)
            assert all(record.censored for record in records)
        # One for each of them, and one more where it was told before the clock said so.
        assert COUNT <= timers < 2 * COUNT

    asyncio.run(scenario())


def test_a_request_that_is_taken_up_after_its_time_is_lost_unsent() -> None:
    async def scenario() -> None:
        async with bench(answering(http(RIGHT)), timeout_s=5.0) as (self, server):
            await self.sender.warm(1)
            self.take(0, ago_s=6.0)
            self.take(1)
            records = await self.records(2)
            assert [(each.request, each.cause) for each in records] == [(0, "timeout"), (1, "")]
            assert numbers(server) == [1]
            assert records[0].latency_s >= 6.0

    asyncio.run(scenario())


def test_a_connection_that_is_lost_in_an_answer_takes_only_its_own_request_with_it() -> None:
    async def scenario() -> None:
        async def second_is_cut(heard: Heard, writer: asyncio.StreamWriter) -> None:
            await (cut if len(server.heard) == 2 else answering(http(RIGHT)))(heard, writer)

        async with bench(second_is_cut) as (self, server):
            self.take(*range(4))
            records = await self.records(4)
            assert [record.cause for record in records] == ["", "cut", "", ""]
            assert numbers(server) == [0, 1, 2, 3]  # never retried
            assert [heard.connection for heard in server.heard] == [1, 1, 2, 2]

    asyncio.run(scenario())


def test_the_next_request_waits_for_the_last_piece_of_an_answer() -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def in_two_pieces(heard: Heard, writer: asyncio.StreamWriter) -> None:
            answer = http(RIGHT)
            writer.write(answer[:-1])
            await writer.drain()
            await release.wait()
            writer.write(answer[-1:])

        async with bench(in_two_pieces) as (self, server):
            self.take(0, 1)
            await until(lambda: len(server.heard) == 1)
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert self.ends == []
            assert numbers(server) == [0]
            release.set()
            records = await self.records(2)
            assert [record.outcome for record in records] == [Outcome.RIGHT, Outcome.RIGHT]
            assert records[0].done_s <= records[1].sent_s

    asyncio.run(scenario())


def test_a_connection_that_is_free_serves_who_waits_for_one_that_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = 0

    async def scenario() -> None:
        release = asyncio.Event()

        async def only_the_first_at_once(
            address: Address, timeout_s: float, source: str | None = None
        ) -> Connection | Loss:
            nonlocal opened
            opened += 1
            if opened > 1:
                await release.wait()
            return await connect(address, timeout_s, source=source)

        monkeypatch.setattr(sending, "connect", only_the_first_at_once)
        async with bench(answering(http(RIGHT)), max_connections=4) as (self, server):
            self.take(0, 1, 2)
            records = await self.records(3)
            assert opened == 3
            assert [record.outcome for record in records] == [Outcome.RIGHT] * 3
            assert {heard.connection for heard in server.heard} == {1}
            release.set()
            await until(lambda: server.connections == 3)  # and are there for who comes

    asyncio.run(scenario())


def test_an_attempt_that_fails_loses_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = iter([True, False, False, True, True])

    async def scenario() -> None:
        async def sometimes(
            address: Address, timeout_s: float, source: str | None = None
        ) -> Connection | Loss:
            if next(attempts):
                return await connect(address, timeout_s, source=source)
            return Loss(LossCause.CONNECT, time.monotonic())

        monkeypatch.setattr(sending, "connect", sometimes)
        async with bench(never, max_connections=5) as (self, server):
            self.take(*range(5))
            await until(lambda: len(server.heard) == 3 and len(self.ends) == 2)
            assert self.ends == [Outcome.LOST, Outcome.LOST]

    asyncio.run(scenario())


def test_a_late_loop_lets_answers_free_its_connections_before_it_opens_more() -> None:
    async def began_a_while_ago() -> float:
        return time.monotonic() - 0.4

    async def scenario() -> None:
        async with stub(answering(http(RIGHT))) as server:
            # 400 requests are due at once.
            load = OpenLoad(rate_per_s=1000, arrivals="constant", duration_s=0.5)
            share = Share(start=began_a_while_ago)
            result = await run_load(server.address, requests(server.address), load, share=share)
            assert result.counts.right == result.sent == 500
            assert max(record.lag_s for record in result.records) >= 0.3
            assert server.connections < 80

    asyncio.run(scenario())


def two_versions(target: Address) -> list[Request]:
    """Requests that cannot be judged: only Percore's own dialect has versions."""
    (request,) = requests(target)
    answer = request.expected.answers[1]
    expected = request.expected.model_copy(
        update={"dialect": "v2", "answers": {1: answer, 2: answer}}
    )
    return [request.model_copy(update={"expected": expected})]


def test_a_defect_on_our_side_ends_the_load_and_says_what_it_is() -> None:
    async def scenario() -> None:
        async with stub(answering(http(RIGHT))) as server:
            load = OpenLoad(rate_per_s=100, duration_s=3600)
            async with asyncio.timeout(30):
                await run_load(server.address, two_versions(server.address), load)

    with pytest.raises(ValueError, match="unpack"):
        asyncio.run(scenario())


@pytest.mark.parametrize(
    "load",
    [
        OpenLoad(rate_per_s=300, duration_s=3600, max_connections=20),
        ClosedLoad(connections=20, duration_s=3600, think_s=0.01),
    ],
)
def test_a_load_that_is_cancelled_leaves_nothing_behind(load: ClosedLoad | OpenLoad) -> None:
    async def scenario() -> None:
        async with stub(never) as server:
            running = asyncio.create_task(run_load(server.address, requests(server.address), load))
            await until(lambda: len(server.heard) == 20)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await until(lambda: server.now_open == 0)
            assert len(server.heard) == 20
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
