"""A proxy between the balancer and one replica, where a bad network and a black hole are made.

`python -m loadtest.faults.shim HOST PORT SEED`: READY and its own port on standard output; then
each line of standard input is the weather from now on, as JSON, and is answered by DONE. It ends
with its standard input.
"""

import asyncio
import contextlib
import json
import sys

import httptools
import uvloop

from loadtest.faults.pipe import Sky, Weather, carry
from loadtest.http1 import Address

_CONNECT_S = 2.0
_PIECE_BYTES = 1 << 16


class _Requests:
    """Counts whole requests, and says of which method each was."""

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_message_complete(self) -> None:
        self.whole.append(self.parser.get_method())


class Shim:
    """Everything that passes between the balancer and a replica."""

    def __init__(self, replica: Address, seed: int) -> None:
        self._replica = replica
        self.sky = Sky(seed)
        self._open: set[asyncio.StreamWriter] = set()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the balancer."""
        self._open.add(writer)
        try:
            if self.sky.now.status:
                await self._swallow(reader, writer)
            else:
                await self._pass(reader, writer)
        except* (OSError, TimeoutError, httptools.HttpParserError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def change(self, weather: Weather) -> None:
        """Change the weather; whoever becomes or was a black hole drops its connections."""
        turned = bool(weather.status) != bool(self.sky.now.status)
        self.sky.change(weather)
        if turned:
            for writer in list(self._open):
                writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_CONNECT_S):
            their_reader, their_writer = await asyncio.open_connection(
                self._replica.host, self._replica.port
            )
        try:
            there = asyncio.ensure_future(carry(reader, their_writer, self.sky, answers=False))
            back = asyncio.ensure_future(carry(their_reader, writer, self.sky, answers=True))
            # One end gone is the end of both: half-open connections are no use to HTTP.
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for each in (there, back):
                each.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            their_writer.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests = _Requests()
        while piece := await reader.read(_PIECE_BYTES):
            requests.parser.feed_data(piece)
            for method in requests.whole:
                status = 200 if method == b"GET" else self.sky.now.status
                body = b'{"error":"The replica fails.","code":"fault","details":[]}'
                writer.write(
                    b"HTTP/1.1 %d Fault\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (status, len(body), body)
                )
            requests.whole.clear()
            await writer.drain()


async def run(replica: Address, seed: int) -> None:
    """Stand between until standard input ends."""
    shim = Shim(replica, seed)
    server = await asyncio.start_server(shim.meet, "127.0.0.1", 0, backlog=1024)
    _say(f"READY {server.sockets[0].getsockname()[1]}")
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        shim.change(Weather(**json.loads(line)))
        _say("DONE")
    server.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(run(Address(sys.argv[1], int(sys.argv[2])), int(sys.argv[3])))
