"""Answers every request at once with the bytes that standard input began with.

The first line of standard input says how many bytes they are; the port is said on standard output.
It ends with its standard input.
"""

import asyncio
import sys

READ_BYTES = 1 << 16


async def main() -> None:
    answer = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))

    class Answers(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            # Requests of the tests fit into one piece, and a client waits for its answer.
            self._transport.write(answer)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
