"""One connection: a whole answer or a loss, told once, and nothing that was not asked for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from loadtest.connection import Connection, connect
from loadtest.http1 import Loss, LossCause, Reply
from tests.loadtest.stubs import Behaviour, Heard, answering, http, never, stub, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = bytes(range(256)) * 4096


@asynccontextmanager
async def connection(
    behave: Behaviour, max_answer_bytes: int = 1 << 30
) -> AsyncIterator[Connection]:
    async with stub(behave) as server:
        opened = await connect(server.address, 10.0, max_answer_bytes)
        assert isinstance(opened, Connection)
        try:
            yield opened
        finally:
            opened.abort()


def test_an_answer_of_many_reads_is_whole_and_the_connection_is_used_again() -> None:
    async def scenario() -> None:
        async with connection(answering(http(BODY))) as asked:
            for _ in range(3):
                reply = await asked.ask(GET, 10.0)
                assert isinstance(reply, Reply)
                assert (reply.status, reply.body) == (200, BODY)
                assert asked.usable

    asyncio.run(scenario())


def test_who_is_told_an_answer_may_send_the_next_request_at_once() -> None:
    async def scenario() -> None:
        async with connection(answering(http(b"one"))) as asked:
            told: list[Reply | Loss] = []
            third = asyncio.Event()

            def answered(answer: Reply | Loss) -> None:
                told.append(answer)
                if len(told) == 3:
                    third.set()
                else:
                    asked.send(GET, answered)

            asked.send(GET, answered)
            async with asyncio.timeout(10):
                await third.wait()
            assert [each.body for each in told if isinstance(each, Reply)] == [b"one"] * 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "surplus",
    [http(b"two"), http(b"two")[:-1], b"HT", b"nonsense\r\n\r\n", http(b"longer than allowed" * 9)],
)
def test_what_follows_an_answer_in_the_same_bytes_ends_the_connection_and_not_the_answer(
    surplus: bytes,
) -> None:
    async def scenario() -> None:
        async with connection(answering(http(b"one") + surplus), 64) as asked:
            told: list[tuple[Reply | Loss, bool]] = []
            asked.send(GET, lambda answer: told.append((answer, asked.usable)))
            await until(lambda: bool(told))
            await asyncio.sleep(0.01)
            ((answer, usable),) = told  # once
            assert isinstance(answer, Reply)
            assert answer.body == b"one"
            assert not usable
            sent_too_late = await asked.ask(GET, 10.0)
            assert isinstance(sent_too_late, Loss)
            assert sent_too_late.cause is LossCause.CLOSED

    asyncio.run(scenario())


def test_a_longer_body_than_allowed_is_told_once() -> None:
    async def scenario() -> None:
        async with connection(answering(http(BODY)), 1000) as asked:
            told: list[Reply | Loss] = []
            asked.send(GET, told.append)
            await until(lambda: bool(told))
            await asyncio.sleep(0.01)
            assert [each.cause for each in told if isinstance(each, Loss)] == [LossCause.MALFORMED]

    asyncio.run(scenario())


def test_a_second_question_is_an_error_and_the_first_keeps_its_time() -> None:
    async def scenario() -> None:
        async with connection(never) as asked:
            began_s = time.monotonic()
            first = asked.ask(GET, 0.2)
            with pytest.raises(RuntimeError, match="outstanding"):
                asked.ask(GET, 0.0)
            answer = await first
            assert isinstance(answer, Loss)
            assert answer.cause is LossCause.TIMEOUT
            assert answer.done_s - began_s >= 0.2

    asyncio.run(scenario())


def test_an_answer_in_time_is_not_followed_by_the_time_out_of_its_question() -> None:
    async def scenario() -> None:
        async def second_is_late(heard: Heard, writer: asyncio.StreamWriter) -> None:
            if seen:
                await asyncio.sleep(2.3)
            seen.append(heard)
            writer.write(http(b"one"))

        seen: list[Heard] = []
        async with connection(second_is_late) as asked:
            assert isinstance(await asked.ask(GET, 2.0), Reply)
            assert isinstance(await asked.ask(GET, 30.0), Reply)

    asyncio.run(scenario())
