"""Both ends of a line in one process, over a real socketpair."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.errors import Unavailable
from service.many.line import MOST_PACKET_BYTES, MOST_WAITING, Line, Message

LIMIT_S = 10.0


class End:
    """An end that notes what it hears, and answers questions with themselves."""

    def __init__(self, end: socket.socket) -> None:
        self.heard: asyncio.Queue[tuple[Message, list[int]]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.line = Line(end, self._hear, self.gone.set)

    def _hear(self, message: Message, descriptors: list[int]) -> None:
        if message.get("echo"):
            self.line.answer(message, {"said": message["echo"]})
        self.heard.put_nowait((message, descriptors))


def with_line(scene: Callable[[End, End], Awaitable[None]]) -> None:
    async def play() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one, other = End(ours), End(theirs)
        async with asyncio.timeout(LIMIT_S):
            await scene(one, other)
        one.line.close()
        other.line.close()

    asyncio.run(play())


@pytest.mark.parametrize("size", [0, 1, MOST_PACKET_BYTES - 100, MOST_PACKET_BYTES, 5_000_000])
def test_messages_of_every_size_arrive_whole(size: int) -> None:
    async def scene(one: End, other: End) -> None:
        one.line.send({"text": "x" * size})
        assert await other.heard.get() == ({"text": "x" * size}, [])

    with_line(scene)


@pytest.mark.parametrize("size", [1, MOST_PACKET_BYTES])
def test_descriptors_come_with_their_message(size: int) -> None:
    async def scene(one: End, other: End) -> None:
        read, write = os.pipe()
        one.line.send({"text": "x" * size}, [write])
        _, (received,) = await other.heard.get()
        os.write(received, b"through")
        os.close(received)
        assert os.read(read, 100) == b"through"
        # the sender's own is closed: with the received one gone, nobody can write any more
        assert os.read(read, 100) == b""
        os.close(read)

    with_line(scene)


def test_questions_get_their_own_answers() -> None:
    async def scene(one: End, other: End) -> None:
        said = await asyncio.gather(*(one.line.ask({"echo": n}, LIMIT_S) for n in range(1, 50)))
        assert [answer["said"] for answer in said] == list(range(1, 50))

    with_line(scene)


def test_an_answer_that_does_not_come_is_a_timeout_and_one_too_late_is_dropped() -> None:
    async def scene(one: End, other: End) -> None:
        with pytest.raises(TimeoutError):
            await one.line.ask({"question": 1}, 0.01)
        asked, _ = await other.heard.get()
        other.line.answer(asked, {"said": "late"})
        assert (await one.line.ask({"echo": "next"}, LIMIT_S))["said"] == "next"
        assert one.heard.empty()

    with_line(scene)


def test_who_waits_hears_that_the_other_end_is_gone() -> None:
    async def scene(one: End, other: End) -> None:
        asking = asyncio.ensure_future(one.line.ask({"question": 1}, LIMIT_S))
        await other.heard.get()
        other.line.close()
        with pytest.raises(Unavailable):
            await asking
        await one.gone.wait()
        with pytest.raises(Unavailable):
            await one.line.ask({"question": 2}, LIMIT_S)
        one.line.send({"to": "nobody"})

    with_line(scene)


def test_more_than_the_socket_takes_arrives_in_order() -> None:
    async def scene(one: End, other: End) -> None:
        for number in range(MOST_WAITING // 2):
            one.line.send({"number": number, "text": "x" * 1000})
        heard: list[Any] = [
            (await other.heard.get())[0]["number"] for _ in range(MOST_WAITING // 2)
        ]
        assert heard == list(range(MOST_WAITING // 2))

    with_line(scene)


def test_an_end_that_takes_nothing_counts_as_dead() -> None:
    async def scene(one: End, other: End) -> None:
        for _ in range(2 * MOST_WAITING):
            one.line.send({"text": "x" * 1000})
        assert not one.line.is_open
        assert one.gone.is_set()

    with_line(scene)
