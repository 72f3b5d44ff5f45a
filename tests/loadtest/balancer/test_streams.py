"""Large bodies that pass before they are whole, both ways."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from loadtest.http1 import Address
from tests.loadtest.balancer.fronted import running
from tests.loadtest.stubs import (
    Heard,
    Stub,
    answering,
    http,
    stub,
    until,
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def closing(serve: Serve) -> Serve:
    """Let a server close its connections, whatever ended them."""

    async def careful(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return careful


LARGE = 3_000_000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_request_begins_before_it_has_come_whole(chunked: bool) -> None:
    body = Random(1).randbytes(LARGE)

    async def scenario() -> None:
        arrived: list[bytes] = []
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"/health" in head:
                writer.write(http(b"{}"))
                return
            assert (b"transfer-encoding: chunked" in head) is chunked
            while not done.is_set():
                arrived.append(await reader.read(1 << 16))
                whole = b"".join(arrived)
                if len(whole) >= LARGE and (not chunked or whole.endswith(b"0\r\n\r\n")):
                    done.set()
            writer.write(http(b"thanks"))

        server = await asyncio.start_server(closing(serve), "127.0.0.1", 0)
        fake = Stub(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
        async with server, running([fake], stream_above_bytes=100_000) as started:
            at = started.address
            reader, writer = await asyncio.open_connection(at.host, at.port)
            length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {LARGE}"
            writer.write(f"POST /x HTTP/1.1\r\nHost: h\r\n{length}\r\n\r\n".encode())
            half, rest = body[: LARGE // 2], body[LARGE // 2 :]
            writer.write(b"%x\r\n%b\r\n" % (len(half), half) if chunked else half)
            # The replica has the first half while the second has not even been sent.
            await until(lambda: sum(map(len, arrived)) >= len(half))
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest) if chunked else rest)
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(6) == b"thanks"
            writer.transport.abort()
        sent = b"".join(arrived)
        if not chunked:
            assert hashlib.sha256(sent).digest() == hashlib.sha256(body).digest()
        else:
            assert unchunked(sent) == body

    asyncio.run(scenario())


def unchunked(wire: bytes) -> bytes:
    pieces = []
    while wire:
        size, _, wire = wire.partition(b"\r\n")
        pieces.append(wire[: int(size, 16)])
        wire = wire[int(size, 16) + 2 :]
    return b"".join(pieces)


@pytest.mark.parametrize("length", [True, False])
def test_a_large_answer_begins_before_it_has_come_whole(length: bool) -> None:
    body = Random(2).randbytes(LARGE)

    async def scenario() -> None:
        go_on = asyncio.Event()

        async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
            framing = f"Content-Length: {LARGE}" if length else "Transfer-Encoding: chunked"
            writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
            for number, piece in enumerate((body[:1_000_000], body[1_000_000:])):
                if number:
                    await go_on.wait()
                writer.write(piece if length else b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            if not length:
                writer.write(b"0\r\n\r\n")

        async with stub(behave) as a, running([a], stream_above_bytes=100_000) as started:
            at = started.address
            reader, writer = await asyncio.open_connection(at.host, at.port)
            writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert (b"Content-Length: 3000000" in head) is length
            got = await reader.readexactly(500_000)
            assert started.tally.streamed == 1
            assert started.dispatcher.outstanding("a") == 1
            go_on.set()
            if length:
                got += await reader.readexactly(LARGE - len(got))
            else:
                while not got.endswith(b"\r\n0\r\n\r\n"):
                    got += await reader.read(1 << 16)
            assert (got if length else unchunked(got)) == body
            await until(lambda: started.dispatcher.outstanding("a") == 0)
            # Both connections go on.
            writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            assert len({heard.connection for heard in a.heard}) == 1
            writer.transport.abort()

    asyncio.run(scenario())


def test_what_follows_a_large_answer_is_no_part_of_it() -> None:
    body = Random(2).randbytes(LARGE)

    async def scenario() -> None:
        async with (
            stub(answering(http(body) + http(bytes(LARGE)))) as a,
            running([a], stream_above_bytes=100_000) as started,
        ):
            at = started.address
            reader, writer = await asyncio.open_connection(at.host, at.port)
            for number in range(2):
                writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(LARGE) == body
                await until(lambda: started.dispatcher.outstanding("a") == 0)
                assert len(a.heard) == number + 1
            # After what nobody asked for a connection is not used again.
            assert len({heard.connection for heard in a.heard}) == 2
            writer.transport.abort()

    asyncio.run(scenario())


def test_a_large_answer_that_is_cut_cuts_the_client_off() -> None:
    async def scenario() -> None:
        async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1_000_000)
            await writer.drain()
            writer.close()

        async with stub(behave) as a, running([a], stream_above_bytes=100_000) as started:
            at = started.address
            reader, writer = await asyncio.open_connection(at.host, at.port)
            writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(3_000_000)
            writer.transport.abort()
            await until(lambda: started.dispatcher.outstanding("a") == 0)

    asyncio.run(scenario())


def test_a_reader_that_is_slow_holds_the_replica_back() -> None:
    """The balancer must not take a large answer into its memory for a client that does not read."""

    async def scenario() -> None:
        sent = 0

        async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
            for _ in range(2000):
                writer.write(b"x" * 100_000)
                await writer.drain()
                sent += 100_000

        async with stub(behave) as a, running([a], stream_above_bytes=100_000) as started:
            at = started.address
            _, writer = await asyncio.open_connection(at.host, at.port, limit=1000)
            writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
            await until(lambda: sent > 500_000)
            before = -1
            while before != sent:  # until it stands still
                before = sent
                await asyncio.sleep(0.2)
            assert sent < 100_000_000
            writer.transport.abort()
            await until(lambda: started.dispatcher.outstanding("a") == 0)

    asyncio.run(scenario())


def test_a_client_that_goes_in_its_upload_takes_the_request_with_it() -> None:
    async def scenario() -> None:
        opened: list[asyncio.StreamReader] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/health" in head:
                writer.write(http(b"{}"))
                return
            opened.append(reader)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(LARGE)
            opened.clear()

        server = await asyncio.start_server(closing(serve), "127.0.0.1", 0)
        fake = Stub(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
        async with server, running([fake], stream_above_bytes=100_000) as started:
            at = started.address
            _, writer = await asyncio.open_connection(at.host, at.port)
            head = f"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: {LARGE}\r\n\r\n"
            writer.write(head.encode() + b"x" * 1_000_000)
            await until(lambda: bool(opened))
            writer.transport.abort()
            await until(lambda: not opened)
            await until(lambda: started.dispatcher.outstanding("a") == 0)

    asyncio.run(scenario())
