"""Items of a thread, to a loop."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from service.scoring.feed import Feed


def test_items_then_none() -> None:
    async def read() -> list[int | None]:
        feed = Feed(iter([1, 2]))
        return [await feed.next() for _ in range(4)]

    assert asyncio.run(read()) == [1, 2, None, None]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    read = []

    def items() -> Iterator[int]:
        for i in range(9):
            read.append(i)
            yield i

    async def ask() -> None:
        feed = Feed(items())
        await feed.next()
        await feed.next()

    asyncio.run(ask())
    assert read == [0, 1]


def test_errors_come_through() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    async def ask() -> None:
        feed = Feed(items())
        await feed.next()
        with pytest.raises(ValueError, match="no more"):
            await feed.next()

    asyncio.run(ask())


def test_a_thread_that_waits_for_ever_holds_nobody() -> None:
    never = threading.Event()

    def items() -> Iterator[int]:
        never.wait(60)
        yield 1

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Feed(items()).next()

    asyncio.run(ask())
    never.set()
