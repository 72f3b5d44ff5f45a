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
_FAILS = b'{"error":"The replica fails.","code":"fault","details":[]}'


class _Gate:
    """The requests of one connection; those that begin in a black hole it answers itself.

    What the replica had before is the replica's to answer: whoever fails new requests does not
    lose the old ones, and breaks no connection. Requests are not pipelined, so that each begins
    with a piece of its own.

    Args:
        reader: of the balancer's connection.
        writer: of it, for the answers of the hole.
        sky: says when there is one.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sky: Sky
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sky = sky
        self._parser = httptools.HttpRequestParser(self)
        self._within = False
        self._status = 0
        """Of the hole in which the request in progress began; 0: it is the replica's."""

    async def read(self, most_bytes: int) -> bytes:
        """Return the next piece for the replica, empty at the end.

        Raises:
            httptools.HttpParserError: the requests are not HTTP.
        """
        while piece := await self._reader.read(most_bytes):
            if not self._within:
                self._status = self._sky.now.status
            self._parser.feed_data(piece)
            if not self._status:
                return piece
            await self._writer.drain()
        return b""

    # the parser's side

    def on_message_begin(self) -> None:
        self._within = True

    def on_message_complete(self) -> None:
        self._within = False
        if self._status:
            status = 200 if self._parser.get_method() == b"GET" else self._status
            self._writer.write(
                b"HTTP/1.1 %d Fault\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (status, len(_FAILS), _FAILS)
            )


class Shim:
    """Everything that passes between the balancer and a replica."""

    def __init__(self, replica: Address, seed: int) -> None:
        self._replica = replica
        self.sky = Sky(seed)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the balancer."""
        try:
            await self._pass(_Gate(reader, writer, self.sky), writer)
        except* (OSError, TimeoutError, httptools.HttpParserError):
            pass
        finally:
            writer.transport.abort()

    async def _pass(self, gate: _Gate, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_CONNECT_S):
            their_reader, their_writer = await asyncio.open_connection(
                self._replica.host, self._replica.port
            )
        try:
            there = asyncio.ensure_future(carry(gate, their_writer, self.sky, answers=False))
            back = asyncio.ensure_future(carry(their_reader, writer, self.sky, answers=True))
            # One end gone is the end of both: half-open connections are no use to HTTP.
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for each in (there, back):
                each.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            their_writer.transport.abort()


async def run(replica: Address, seed: int) -> None:
    """Stand between until standard input ends."""
    shim = Shim(replica, seed)
    server = await asyncio.start_server(shim.meet, "127.0.0.1", 0, backlog=1024)
    _say(f"READY {server.sockets[0].getsockname()[1]}")
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        shim.sky.change(Weather(**json.loads(line)))
        _say("DONE")
    server.close()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(run(Address(sys.argv[1], int(sys.argv[2])), int(sys.argv[3])))
