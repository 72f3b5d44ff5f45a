"""The proxy that makes a black hole: which requests fall into it, and which do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from loadtest.faults.pipe import Weather
from loadtest.faults.shim import Shim
from loadtest.http1 import Address

PREDICTION = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nrows"
PROBE = b"GET /health/ready HTTP/1.1\r\nHost: h\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HOLE, CLEAR = Weather(status=503), Weather()


@dataclass
class Line:
    """A connection through the shim, and the replica at its other end."""

    shim: Shim
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    got: list[bytes] = field(default_factory=list)
    """Bytes that reached the replica, by request."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def status(self, request: bytes = b"") -> int:
        self.writer.write(request)
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await self.reader.readexactly(length)
        return int(head.split()[1])


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    lines: list[Line] = []
    served = asyncio.Event()

    async def replica(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # the shim breaks off when its own client has gone
            while head := await reader.read(1 << 16):
                while head.startswith(b"POST") and not head.endswith(b"rows"):
                    head += await reader.read(1 << 16)
                lines[0].got.append(head)
                lines[0].reached.set()
                await lines[0].may_answer.wait()
                writer.write(ANSWER)
        await hang_up(writer)
        served.set()

    server = await asyncio.start_server(replica, "127.0.0.1", 0)
    shim = Shim(Address("127.0.0.1", server.sockets[0].getsockname()[1]), 1)
    met: list[asyncio.Task[None]] = []
    front = await asyncio.start_server(
        lambda reader, writer: met.append(asyncio.create_task(shim.meet(reader, writer))),
        "127.0.0.1",
        0,
    )
    port = front.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines.append(Line(shim, reader, writer))
    lines[0].may_answer.set()
    try:
        yield lines[0]
    finally:
        await hang_up(writer)
        await asyncio.wait_for(asyncio.gather(*met), 5)
        front.close()
        server.close()
        await asyncio.wait_for(served.wait(), 5)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await asyncio.wait_for(writer.wait_closed(), 5)


def test_a_request_that_the_replica_has_is_answered_by_it() -> None:
    async def main() -> None:
        async with line() as one:
            one.may_answer.clear()
            one.writer.write(PREDICTION)
            await asyncio.wait_for(one.reached.wait(), 5)
            one.shim.sky.change(HOLE)
            one.may_answer.set()
            assert await one.status() == 200

    asyncio.run(main())


def test_a_hole_comes_and_goes_on_one_connection_and_never_breaks_it() -> None:
    async def main() -> None:
        async with line() as one:
            assert await one.status(PREDICTION) == 200
            one.shim.sky.change(HOLE)
            assert await one.status(PREDICTION) == 503
            assert await one.status(PROBE) == 200
            assert one.got == [PREDICTION]
            one.shim.sky.change(CLEAR)
            assert await one.status(PREDICTION) == 200
            assert one.got == [PREDICTION, PREDICTION]

    asyncio.run(main())


def test_a_request_belongs_to_whoever_got_its_first_byte() -> None:
    async def main() -> None:
        async with line() as one:
            one.shim.sky.change(HOLE)
            one.writer.write(PREDICTION[:20])
            await asyncio.sleep(0.05)
            one.shim.sky.change(CLEAR)
            assert await one.status(PREDICTION[20:]) == 503
            assert one.got == []
            one.writer.write(PREDICTION[:20])
            await asyncio.sleep(0.05)
            one.shim.sky.change(HOLE)
            assert await one.status(PREDICTION[20:]) == 200
            assert one.got == [PREDICTION]

    asyncio.run(main())
