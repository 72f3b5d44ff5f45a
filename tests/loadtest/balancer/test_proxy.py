"""The balancer over sockets: what it forwards, what it changes, and how it fails."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.policies import Policy
from loadtest.balancer.policies.blind import RoundRobin
from loadtest.balancer.policies.outstanding import LeastOutstanding
from loadtest.balancer.server import Balancer, balancer
from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import ClosedLoad
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    Stub,
    answering,
    cut,
    hang_up,
    http,
    never,
    requests,
    stub,
    until,
)

NAMES = ["a", "b", "c"]


@asynccontextmanager
async def running(
    stubs: Sequence[Stub], policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Balancer]:
    """Run a balancer in front of stubs, all of which it has found ready."""
    replicas = tuple(
        Replica(name=name, host=each.address.host, port=each.address.port)
        for name, each in zip(NAMES, stubs, strict=False)
    )
    config = BalancerConfig.model_validate(
        {"replicas": replicas, "probes": {"interval_s": 0.02}, **settings}
    )
    policy = policy or RoundRobin([replica.name for replica in replicas])
    async with balancer(config, policy) as started:
        wanted = [name for name, each in zip(NAMES, stubs, strict=False) if each.ready]
        await until(lambda: ready(started) == wanted)
        yield started


def ready(started: Balancer) -> list[str]:
    return started.roster.ready(time.monotonic())


@asynccontextmanager
async def in_front_of(
    stubs: Sequence[Stub], policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Address]:
    """Run a balancer of which only the address matters."""
    async with running(stubs, policy, **settings) as started:
        yield started.address


async def exchange(address: Address, *parts: bytes, until_close: bool = True) -> bytes:
    """Write bytes and return everything that comes back until the balancer closes."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        async with asyncio.timeout(10):
            return await reader.read() if until_close else await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()


def get(path: str = "/x", extra: str = "Connection: close\r\n", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: h\r\n{extra}\r\n".encode()


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.lower().split(": ", 1) for line in lines), body


async def load_through(behaviours: Sequence[Behaviour], policy: Policy | None) -> LoadResult:
    async with (
        stub(behaviours[0]) as a,
        stub(behaviours[-1]) as b,
        in_front_of([a, b], policy) as t,
    ):
        load = ClosedLoad(connections=4, duration_s=0.3, timeout_s=10)
        return await run_load(t, requests(t, 4), load)


@pytest.mark.parametrize("policy", [RoundRobin("ab"), LeastOutstanding("ab", Random(0))])
def test_every_answer_comes_through_and_names_its_replica(policy: Policy) -> None:
    result = asyncio.run(load_through([answering(http(RIGHT))], policy))
    assert result.counts.right == result.sent > 8
    by_replica = Counter(record.replica for record in result.records)
    selected = policy.snapshot().selected
    assert by_replica == Counter(selected)
    assert min(by_replica.values()) > 0
    assert set(policy.snapshot().outstanding.values()) == {0}


def test_round_robin_is_even_to_one_request() -> None:
    result = asyncio.run(load_through([answering(http(RIGHT))], None))
    by_replica = Counter(record.replica for record in result.records)
    assert abs(by_replica["a"] - by_replica["b"]) <= 1


def test_least_outstanding_leaves_a_hanging_replica_alone() -> None:
    async def scenario() -> None:
        policy = LeastOutstanding("ab", Random(0))
        stop = asyncio.Event()

        async def stop_after(heard: Heard, writer: asyncio.StreamWriter) -> None:
            writer.write(http(RIGHT))
            if len(b.heard) >= 100:
                stop.set()
                await until(lambda: bool(hanging))
                for each in hanging:
                    each.write(http(RIGHT))

        hanging: list[asyncio.StreamWriter] = []

        async def hang(heard: Heard, writer: asyncio.StreamWriter) -> None:
            hanging.append(writer)

        async with stub(hang) as a, stub(stop_after) as b, in_front_of([a, b], policy) as target:
            load = ClosedLoad(connections=2, duration_s=60, timeout_s=30)
            result = await run_load(target, requests(target), load, stop)
        # With two clients, one hangs and the other always finds the second replica idle.
        assert len(a.heard) == 1
        assert result.counts.right == result.sent >= 101

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("behave", "status", "outcome"),
    [
        (answering(http(b"{}", "503 Busy")), 503, Outcome.REFUSED),
        (answering(http(b"{}", "404 No")), 404, Outcome.LOST),
        (hang_up, 502, Outcome.LOST),
        (answering(b"garbage\r\n\r\n"), 502, Outcome.LOST),
        (cut, 0, Outcome.LOST),
    ],
)
def test_a_failing_replica_fails_the_request_and_nothing_is_tried_twice(
    behave: Behaviour, status: int, outcome: Outcome
) -> None:
    async def scenario() -> None:
        stop = asyncio.Event()

        async def once(heard: Heard, writer: asyncio.StreamWriter) -> None:
            stop.set()
            await behave(heard, writer)

        async with stub(once) as a, stub(once) as b, in_front_of([a, b]) as target:
            load = ClosedLoad(connections=1, duration_s=60, timeout_s=10)
            result = await run_load(target, requests(target), load, stop)
            assert len(a.heard) + len(b.heard) == 1
        (record,) = result.records
        assert (record.status, record.outcome) == (status, outcome)
        if status == 0:
            assert record.cause in {"closed", "cut"}  # aborted, never ended cleanly

    asyncio.run(scenario())


def test_a_replica_that_is_too_slow_is_504_and_its_connection_is_not_used_again() -> None:
    async def scenario() -> None:
        async with stub(never) as a, in_front_of([a], answer_timeout_s=0.1) as target:
            answers = [await exchange(target, get()) for _ in range(2)]
            assert [split(answer)[0] for answer in answers] == [
                "HTTP/1.1 504 The replica did not answer in time"
            ] * 2
            assert a.heard[0].connection != a.heard[1].connection

    asyncio.run(scenario())


def test_a_dead_replica_is_502_once_and_comes_back_when_a_probe_is_answered() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        # A probe long after the first: only a request finds out that the replica has died.
        settings = {"probes": {"interval_s": 0.5}, "upstream_idle_s": 0.0}
        async with stub(answering(http(RIGHT))) as first:
            port = first.address.port
            bound = running([first], policy, **settings)
            started = await bound.__aenter__()
            target = started.address
        try:
            assert split(await exchange(target, get()))[0].startswith("HTTP/1.1 502 ")
            status, headers, _ = split(await exchange(target, get()))
            assert status == "HTTP/1.1 503 No replica is ready"
            assert headers["retry-after"] == "1"
            async with stub(answering(http(RIGHT)), port):
                await until(lambda: ready(started) == ["a"])
                assert split(await exchange(target, get()))[0] == "HTTP/1.1 200 OK"
        finally:
            await bound.__aexit__(None, None, None)

    asyncio.run(scenario())


def test_a_replica_that_says_it_drains_gets_nothing_more() -> None:
    async def scenario() -> None:
        policy = RoundRobin("ab")
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], policy) as started,
        ):
            target = started.address
            a.ready = False
            await until(lambda: ready(started) == ["b"])
            for _ in range(4):
                await exchange(target, get())
            assert (len(a.heard), len(b.heard)) == (0, 4)

    asyncio.run(scenario())


def test_a_client_that_goes_takes_its_request_with_it() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        async with stub(never) as a, in_front_of([a], policy) as target:
            _, writer = await asyncio.open_connection(target.host, target.port)
            writer.write(get())
            await until(lambda: len(a.heard) == 1 and policy.outstanding("a") == 1)
            writer.transport.abort()
            await until(lambda: policy.outstanding("a") == 0)
            # The replica is told as well: but for probes, nobody is connected to it any more.
            await until(lambda: a.now_open == 0)

    asyncio.run(scenario())


def test_a_full_replica_refuses() -> None:
    async def scenario() -> None:
        policy = RoundRobin("a")
        async with stub(never) as a, in_front_of([a], policy, replica_limit=1) as target:
            _, writer = await asyncio.open_connection(target.host, target.port)
            writer.write(get())
            await until(lambda: len(a.heard) == 1)
            status, _, _ = split(await exchange(target, get()))
            assert status == "HTTP/1.1 503 Every replica is full"
            assert policy.outstanding("a") == 1
            writer.transport.abort()

    asyncio.run(scenario())


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
