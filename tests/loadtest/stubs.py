"""Servers with one fault each, on real sockets, for the client and the balancer to meet."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from loadtest.http1 import Address
from loadtest.payload import Answer, Expected, Request, predict_wire

RIGHT = json.dumps(
    {
        "model": "iris",
        "version": 1,
        "predictions": ["setosa"],
        "classes": ["setosa", "virginica"],
        "probabilities": [[0.75, 0.25]],
    }
).encode()

EXPECTED = Expected(
    model="iris",
    labels=True,
    answers={
        1: Answer(
            predictions=["setosa"],
            classes=["setosa", "virginica"],
            probabilities=[[0.75, 0.25]],
        )
    },
)


@dataclass
class Heard:
    """One request as a stub got it."""

    start_line: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Stub:
    """A running stub and what it was sent; probes of readiness are not in `heard`."""

    address: Address
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    ready: bool = True
    now_open: int = 0
    found_ready: int = 0
    """Probes that were answered 200."""


Behaviour = Callable[[Heard, asyncio.StreamWriter], Awaitable[None]]


def http(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def answering(*answers: bytes) -> Behaviour:
    """Answer each request with these bytes, in one or more writes."""

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        for part in answers:
            writer.write(part)
            await writer.drain()

    return behave


async def never(heard: Heard, writer: asyncio.StreamWriter) -> None:
    """Read the request and say nothing."""


async def hang_up(heard: Heard, writer: asyncio.StreamWriter) -> None:
    """Read the request and close."""
    writer.close()


async def cut(heard: Heard, writer: asyncio.StreamWriter) -> None:
    """Close in the middle of the right answer."""
    writer.write(http(RIGHT)[:-5])
    await writer.drain()
    writer.close()


@asynccontextmanager
async def stub(behave: Behaviour, port: int = 0) -> AsyncIterator[Stub]:
    """Run a stub that behaves so on every request except probes of readiness."""
    self = Stub(Address("127.0.0.1", 0))
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.now_open += 1
        number = self.connections
        writers.add(writer)
        try:
            while True:
                heard = await _read(reader, number)
                if "/health/ready" in heard.start_line:
                    self.found_ready += self.ready
                    writer.write(http(b"{}", "200 OK" if self.ready else "503 Draining"))
                else:
                    self.heard.append(heard)
                    await behave(heard, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.now_open -= 1
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield self
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        await until(lambda: self.now_open == 0)
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader, connection: int) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    start_line, *lines = head.strip().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(start_line, headers, body, connection)


def requests(target: Address, count: int = 1) -> list[Request]:
    """Return prepared requests whose right answer is RIGHT."""
    return [
        Request(
            wire=predict_wire(target, "iris", [[float(row), 2, 3, 4]], probabilities=True),
            expected=EXPECTED,
        )
        for row in range(count)
    ]


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until something holds; a TimeoutError if it never does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - conditions on state that knows no events
            await asyncio.sleep(0.005)
