"""Connections are accepted many at a time, while somebody takes them and there is room."""

import asyncio
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from service.acceptor import AT_ONCE, Acceptor, Take

LIMIT_S = 10.0
CLIENTS = 2 * AT_ONCE + 5


class Door:
    """A listening socket at which clients knock, and what was taken in."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
        self.clients = [
            socket.create_connection(self.listening.getsockname(), LIMIT_S) for _ in range(CLIENTS)
        ]
        self.taken: list[socket.socket] = []

    async def until(self, count: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while len(self.taken) < count:  # noqa: ASYNC110  # nobody sets an event
                await asyncio.sleep(0.001)

    def close(self) -> None:
        for one in (*self.clients, *self.taken, self.listening):
            one.close()


def play(act: Callable[[Door], Awaitable[None]]) -> None:
    door = Door()
    try:
        asyncio.run(act(door))  # type: ignore[arg-type]
    finally:
        door.close()


def test_many_are_accepted_in_one_turn_of_the_loop() -> None:
    async def act(door: Door) -> None:
        acceptor = Acceptor(door.listening, lambda: door.taken.append)
        acceptor.resume()
        turns = []
        while len(door.taken) < CLIENTS:
            await asyncio.sleep(0)
            turns.append(len(door.taken))
        assert [count for count in dict.fromkeys(turns) if count] == [AT_ONCE, 2 * AT_ONCE, CLIENTS]
        acceptor.close()

    play(act)


def test_while_nobody_takes_them_they_wait() -> None:
    async def act(door: Door) -> None:
        able: list[Take] = [door.taken.append]

        def taker() -> Take | None:
            return able[0] if able and len(door.taken) < 3 else None

        acceptor = Acceptor(door.listening, taker)
        acceptor.resume()
        await door.until(3)
        await asyncio.sleep(0.02)
        assert len(door.taken) == 3
        door.taken.pop().close()
        acceptor.resume()
        await door.until(3)
        acceptor.close()

    play(act)


def test_without_room_they_are_let_in_one_by_one() -> None:
    async def act(door: Door) -> None:
        acceptor = Acceptor(door.listening, lambda: door.taken.append, lambda: 3 - len(door.taken))
        acceptor.resume()
        turns = []
        while len(door.taken) < 6:
            await asyncio.sleep(0)
            turns.append(len(door.taken))
        assert [count for count in dict.fromkeys(turns) if count] == [3, 4, 5, 6]
        acceptor.close()

    play(act)


def test_without_files_for_them_they_are_turned_away_and_then_let_in_again() -> None:
    async def act(door: Door) -> None:
        acceptor = Acceptor(door.listening, lambda: door.taken.append)
        late = socket.socket()
        acceptor.resume()
        with no_files():
            for client in door.clients:
                client.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
        assert door.taken == []
        late.connect(door.listening.getsockname())
        await door.until(1)
        late.close()
        acceptor.close()

    play(act)


def test_a_closed_one_refuses() -> None:
    async def act(door: Door) -> None:
        address = door.listening.getsockname()
        acceptor = Acceptor(door.listening, lambda: door.taken.append)
        acceptor.resume()
        await door.until(CLIENTS)
        acceptor.close()
        acceptor.resume()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, LIMIT_S)

    play(act)


@contextmanager
def no_files() -> Iterator[None]:
    """Let this process open no more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
