"""What the balancer forwards, what it changes on the way, and what it refuses."""

import asyncio
import socket
from random import Random

import pytest

from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.scenario import ClosedLoad
from tests.loadtest.balancer.proxied import exchange, get, in_front_of, split
from tests.loadtest.stubs import (
    RIGHT,
    Heard,
    Stub,
    answering,
    http,
    never,
    requests,
    stub,
)


def test_headers_of_one_hop_stay_and_the_others_travel() -> None:
    async def scenario() -> None:
        extra = (
            "Connection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
            "X-Request-Id: 7\r\nAccept: */*\r\n"
        )
        told = "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Kept: yes\r\nSet-Cookie: a\r\n"
        async with stub(answering(http(b"ok", extra=told))) as a, in_front_of([a]) as target:
            _, headers, body = split(await exchange(target, get("/v1?q=%20x", extra)))
        (heard,) = a.heard
        assert heard.start_line == "GET /v1?q=%20x HTTP/1.1"
        assert heard.headers == {
            "host": "h",
            "x-request-id": "7",
            "accept": "*/*",
            "x-forwarded-for": "127.0.0.1",
        }
        assert headers == {
            "x-kept": "yes",
            "set-cookie": "a",
            "x-percore-replica": "a",
            "content-length": "2",
            "connection": "close",
        }
        assert body == b"ok"

    asyncio.run(scenario())


def test_chunked_bodies_arrive_whole_both_ways() -> None:
    async def scenario() -> None:
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        behave = answering(answer, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\nX-Sum: 1\r\n\r\n")
        async with stub(behave) as a, in_front_of([a]) as target:
            request = get(
                method="POST", extra="Connection: close\r\nTransfer-Encoding: chunked\r\n"
            )
            _, headers, body = split(
                await exchange(target, request, b"4\r\nwxyz\r\n", b"1\r\n!\r\n0\r\n\r\n")
            )
        assert a.heard[0].body == b"wxyz!"
        assert a.heard[0].headers["content-length"] == "5"
        assert body == b"abcde"
        assert "x-sum" not in headers

    asyncio.run(scenario())


def test_no_byte_of_a_large_body_goes_missing() -> None:
    large = Random(1).randbytes(3_000_000)

    async def scenario() -> None:
        async with stub(answering(http(large[::-1]))) as a, in_front_of([a]) as target:
            head = get(
                method="POST", extra=f"Connection: close\r\nContent-Length: {len(large)}\r\n"
            )
            _, _, body = split(await exchange(target, head, large))
        assert a.heard[0].body == large
        assert body == large[::-1]

    asyncio.run(scenario())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scenario() -> None:
        async def slower_first(heard: Heard, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.05 if "/0 " in heard.start_line else 0)
            writer.write(http(heard.start_line.split()[1].encode()))

        async with stub(slower_first) as a, stub(slower_first) as b, in_front_of([a, b]) as target:
            wire = b"".join(get(f"/{number}", "") for number in range(40)) + get("/40")
            answer = await exchange(target, wire)
        bodies = [part.split(b"HTTP/1.1 ")[0] for part in answer.split(b"\r\n\r\n")[1:]]
        assert bodies == [f"/{number}".encode() for number in range(41)]

    asyncio.run(scenario())


def test_connections_are_kept_on_both_sides() -> None:
    async def scenario() -> None:
        async with stub(answering(http(RIGHT))) as a, in_front_of([a], upstream_idle_s=60) as t:
            load = ClosedLoad(connections=1, duration_s=0.2)
            result = await run_load(t, requests(t), load)
            assert result.counts.right > 1
            assert len({heard.connection for heard in a.heard}) == 1

    asyncio.run(scenario())


def test_an_idle_upstream_connection_is_not_trusted_for_long() -> None:
    """A server that closes idle connections would close one under the request."""

    async def scenario() -> None:
        async with stub(answering(http(RIGHT))) as a, in_front_of([a], upstream_idle_s=0.0) as t:
            await exchange(t, get())
            await asyncio.sleep(0.01)
            await exchange(t, get())
            assert a.heard[0].connection != a.heard[1].connection

    asyncio.run(scenario())


def test_head_has_no_body_and_the_length_that_get_would_have() -> None:
    async def scenario() -> None:
        head_only = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        async with stub(answering(head_only)) as a, in_front_of([a]) as target:
            _, headers, body = split(await exchange(target, get(method="HEAD")))
        assert headers["content-length"] == "5"
        assert body == b""

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"nonsense\r\n\r\n", "HTTP/1.1 400 "),
        (get(method="POST", extra="Content-Length: 11\r\n") + b"x" * 11, "HTTP/1.1 413 "),
        (get(method="POST", extra="Content-Length: 10\r\nConnection: close\r\n") + b"x" * 10, ""),
    ],
)
def test_what_cannot_be_forwarded_is_answered_by_the_balancer(wire: bytes, status: str) -> None:
    async def scenario() -> None:
        async with stub(answering(http(b"ok"))) as a, in_front_of([a], max_body_bytes=10) as target:
            answer, headers, _ = split(await exchange(target, wire))
            assert answer.startswith(status or "HTTP/1.1 200 ")
            assert headers["connection"] == "close"
            assert len(a.heard) == (0 if status else 1)

    asyncio.run(scenario())


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    async def scenario() -> None:
        async with stub(answering(http(b"ok"))) as a, in_front_of([a]) as target:
            head = get(method="POST", extra="Expect: 100-continue\r\nContent-Length: 2\r\n")
            answer = await exchange(target, head, until_close=False)
            assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert a.heard == []

    asyncio.run(scenario())


def test_a_silent_client_is_hung_up_on() -> None:
    async def scenario() -> None:
        async with stub(never) as a, in_front_of([a], client_idle_s=0.05) as target:
            try:
                answer = await exchange(target, b"GET / HT")
            except ConnectionError:  # a reset is as good as an end of file
                answer = b""
            assert answer == b""

    asyncio.run(scenario())


def test_a_replica_that_is_not_listening_at_the_start_is_not_ready() -> None:
    async def scenario() -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            dead = Stub(Address("127.0.0.1", unheard.getsockname()[1]), ready=False)
            async with stub(answering(http(RIGHT))) as a, in_front_of([dead, a]) as target:
                for _ in range(3):
                    await exchange(target, get())
                assert len(a.heard) == 3

    asyncio.run(scenario())
