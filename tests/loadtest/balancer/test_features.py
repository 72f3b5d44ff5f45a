"""The balancer over sockets: retries, hedges, the queue, drains, cuts and streams."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from loadtest.balancer.config import BalancerConfig, Replica
from loadtest.balancer.policies.blind import RoundRobin
from loadtest.balancer.server import Balancer, balancer
from loadtest.http1 import Address
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
    stub,
    until,
)

NAMES = "abc"


@asynccontextmanager
async def running(stubs: Sequence[Stub], **settings: Any) -> AsyncIterator[Balancer]:
    """Run a balancer that takes turns before stubs that it has found ready."""
    replicas = tuple(
        Replica(name=name, host=each.address.host, port=each.address.port)
        for name, each in zip(NAMES, stubs, strict=False)
    )
    config = BalancerConfig.model_validate(
        {"replicas": replicas, "probes": {"interval_s": 0.02}, **settings}
    )
    async with balancer(config, RoundRobin([each.name for each in replicas])) as started:
        await until(lambda: len(started.roster.ready(time.monotonic())) == len(stubs))
        yield started


async def ask(address: Address, body: bytes = b"", head: str = "") -> tuple[int, str, bytes]:
    """Send one request and return status, the replica that answered, and the body."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        line = "POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        kind = "Content-Type: application/json\r\n"
        writer.write(f"{line}{kind}Content-Length: {len(body)}\r\n{head}\r\n".encode() + body)
        async with asyncio.timeout(20):
            answer = await reader.read()
    finally:
        writer.transport.abort()
    top, _, rest = answer.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), fields.get("x-percore-replica", ""), rest


def waits_for(event: asyncio.Event) -> Behaviour:
    """Answer right, but only once something has happened."""

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await event.wait()
        writer.write(http(RIGHT))

    return behave


RETRIES = {"attempts": 2, "on": ["connect", "closed", "cut", "503"]}


@pytest.mark.parametrize("bad", [hang_up, cut, answering(http(b"{}", "503 Busy"))])
def test_what_one_replica_fails_another_answers(bad: Behaviour) -> None:
    async def scenario() -> None:
        async with (
            stub(bad) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            assert await ask(started.address) == (200, "b", RIGHT)
            assert (len(a.heard), len(b.heard)) == (1, 1)
            assert (started.tally.clients, started.tally.retries) == (1, 1)
            assert dict(started.tally.upstream) == {"a": 1, "b": 1}

    asyncio.run(scenario())


def test_a_retry_never_goes_to_a_replica_that_had_the_request() -> None:
    async def scenario() -> None:
        async with stub(hang_up) as a, running([a], retries={"attempts": 5}) as started:
            assert (await ask(started.address))[0] == 502
            assert len(a.heard) == 1

    asyncio.run(scenario())


def test_what_is_not_to_be_tried_again_is_not() -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(b"{}", "500 Bad"))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            assert (await ask(started.address))[:2] == (500, "a")
            assert b.heard == []

    asyncio.run(scenario())


def test_a_failing_fleet_is_not_asked_twice_as_much() -> None:
    """The throttle: after five more failures than successes nothing is tried again."""

    async def scenario() -> None:
        async with (
            stub(hang_up) as a,
            stub(hang_up) as b,
            running([a, b], retries=RETRIES) as started,
        ):
            for _ in range(40):
                assert (await ask(started.address))[0] == 502
            assert started.tally.retries == 2  # failures 1 and 2, 3 and 4; the fifth ends it
            assert sum(started.tally.upstream.values()) == 42

    asyncio.run(scenario())


def test_a_hedge_answers_for_a_replica_that_hangs_and_the_other_is_hung_up_on() -> None:
    async def scenario() -> None:
        async with (
            stub(never) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], hedge_after_s=0.02) as started,
        ):
            assert await ask(started.address) == (200, "b", RIGHT)
            await until(lambda: started.dispatcher.outstanding("a") == 0)
            await until(lambda: a.now_open == 0)
            assert (started.tally.hedges, started.tally.hedges_won) == (1, 1)
            assert started.tally.retries == 0

    asyncio.run(scenario())


def test_who_answers_in_time_is_not_hedged() -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b], hedge_after_s=10.0) as started,
        ):
            for _ in range(6):
                assert (await ask(started.address))[0] == 200
            assert (started.tally.hedges, len(a.heard) + len(b.heard)) == (0, 6)

    asyncio.run(scenario())


def test_a_first_answer_after_the_hedge_began_still_counts() -> None:
    async def scenario() -> None:
        free = asyncio.Event()

        async def frees(heard: Heard, writer: asyncio.StreamWriter) -> None:
            free.set()  # the hedge is here, and never answers: now the first may

        async with (
            stub(waits_for(free)) as a,
            stub(frees) as b,
            running([a, b], hedge_after_s=0.02) as started,
        ):
            assert (await ask(started.address))[:2] == (200, "a")
            assert (started.tally.hedges, started.tally.hedges_won) == (1, 0)
            await until(lambda: started.dispatcher.outstanding("b") == 0)

    asyncio.run(scenario())


def test_beyond_a_replica_s_limit_requests_wait_in_line_and_are_answered() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            running([a], replica_limit=2, queue=3, queue_timeout_s=30.0) as started,
        ):
            asked = [asyncio.create_task(ask(started.address)) for _ in range(5)]
            await until(lambda: started.dispatcher.longest_queue == 3)
            assert len(a.heard) == 2
            # The line is full.
            assert (await ask(started.address))[0] == 503
            free.set()
            assert {(await each)[0] for each in asked} == {200}
            assert len(a.heard) == 5

    asyncio.run(scenario())


def test_nobody_waits_in_line_beyond_the_time() -> None:
    async def scenario() -> None:
        async with stub(never) as a:
            settings = {"replica_limit": 1, "queue": 5, "queue_timeout_s": 0.05}
            async with running([a], **settings) as started:
                first = asyncio.create_task(ask(started.address))
                await until(lambda: len(a.heard) == 1)
                status, _, body = await ask(started.address)
                assert (status, json.loads(body)["code"]) == (503, "queue_timeout")
                assert len(a.heard) == 1
                first.cancel()

    asyncio.run(scenario())


def test_a_client_that_leaves_the_line_leaves_its_place() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            running([a], replica_limit=1, queue=1, queue_timeout_s=30.0) as started,
        ):
            first = asyncio.create_task(ask(started.address))
            await until(lambda: len(a.heard) == 1)
            leaver = asyncio.create_task(ask(started.address))
            await until(lambda: started.dispatcher.longest_queue == 1)
            leaver.cancel()
            await until(lambda: started.dispatcher.waiting == 0)
            last = asyncio.create_task(ask(started.address))
            await until(lambda: started.dispatcher.waiting == 1)
            free.set()
            assert ((await first)[0], (await last)[0]) == (200, 200)
            assert len(a.heard) == 2

    asyncio.run(scenario())


def test_a_drain_waits_for_what_is_outstanding_and_gives_nothing_new() -> None:
    async def scenario() -> None:
        free = asyncio.Event()
        async with (
            stub(waits_for(free)) as a,
            stub(answering(http(RIGHT))) as b,
            running([a, b]) as started,
        ):
            first = asyncio.create_task(ask(started.address))
            await until(lambda: len(a.heard) == 1)
            assert not await started.drain("a", 0.05)
            drained = asyncio.create_task(started.drain("a", 30.0))
            for _ in range(4):
                assert (await ask(started.address))[1] == "b"
            assert not drained.done()
            free.set()
            assert (await drained, (await first)[0]) == (True, 200)
            started.undrain("a")
            assert {(await ask(started.address))[1] for _ in range(2)} == {"a", "b"}

    asyncio.run(scenario())


def test_a_black_hole_is_ejected_after_its_failures_in_a_row() -> None:
    async def scenario() -> None:
        async with stub(answering(http(b"{}", "503 Busy"))) as a, stub(answering(http(RIGHT))) as b:
            settings = {"ejection": {"consecutive_failures": 3, "base_s": 60.0}}
            async with running([a, b], **settings) as started:
                statuses = [(await ask(started.address))[0] for _ in range(20)]
                assert (statuses.count(503), len(a.heard)) == (3, 3)

    asyncio.run(scenario())


def model_of(name: str) -> Behaviour:
    """A replica that doubles numbers, and says who it is in its version's place."""

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        rows = json.loads(heard.body)["instances"]
        said = {"model": name, "version": 1, "predictions": [row * 2 for row in rows]}
        writer.write(http(json.dumps(said).encode()))

    return behave


def instances(count: int) -> bytes:
    return json.dumps({"instances": list(range(count))}).encode()


def test_rows_are_cut_over_all_replicas_and_put_together_in_order() -> None:
    async def scenario() -> None:
        async with (
            stub(model_of("m")) as a,
            stub(model_of("m")) as b,
            stub(model_of("m")) as c,
            running([a, b, c], split_rows=10) as started,
        ):
            status, replicas, body = await ask(started.address, instances(100))
            assert (status, replicas) == (200, "a+b+c")
            assert json.loads(body)["predictions"] == [row * 2 for row in range(100)]
            sizes = [len(json.loads(each.heard[0].body)["instances"]) for each in (a, b, c)]
            assert sizes == [33, 33, 34]
            # Too few rows for two parts.
            assert (await ask(started.address, instances(19)))[1] in {"a", "b", "c"}
            assert (started.tally.cut, started.tally.parts) == (1, 3)

    asyncio.run(scenario())


@pytest.mark.parametrize("death", [hang_up, cut])
def test_the_part_of_a_replica_that_dies_is_answered_elsewhere(death: Behaviour) -> None:
    async def scenario() -> None:
        async with (
            stub(model_of("m")) as a,
            stub(death) as b,
            stub(model_of("m")) as c,
            running([a, b, c], split_rows=10) as started,
        ):
            status, replicas, body = await ask(started.address, instances(100))
            assert (status, replicas) == (200, "a+c")
            assert json.loads(body)["predictions"] == [row * 2 for row in range(100)]
            assert started.tally.retries == 1

    asyncio.run(scenario())


def test_parts_of_two_versions_are_not_mixed() -> None:
    async def scenario() -> None:
        async with (
            stub(model_of("old")) as a,
            stub(model_of("new")) as b,
            running([a, b], split_rows=10) as started,
        ):
            status, replica, body = await ask(started.address, instances(20))
            assert (status, replica) in {(200, "a"), (200, "b")}
            assert len(json.loads(body)["predictions"]) == 20

    asyncio.run(scenario())


def test_a_row_that_is_refused_is_named_by_its_place_in_the_whole() -> None:
    async def scenario() -> None:
        async def picky(heard: Heard, writer: asyncio.StreamWriter) -> None:
            rows = json.loads(heard.body)["instances"]
            place = rows.index(15) if 15 in rows else -1
            said = json.dumps({"predictions": rows, "place": place}).encode()
            writer.write(http(said, "422 No" if place >= 0 else "200 OK"))

        async with (
            stub(picky) as a,
            stub(picky) as b,
            running([a, b], split_rows=10) as started,
        ):
            status, _, body = await ask(started.address, instances(20))
            assert (status, json.loads(body)["place"]) == (422, 15)

    asyncio.run(scenario())


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


def test_weights_come_from_what_replicas_say_of_themselves() -> None:
    async def scenario() -> None:
        def saying(utilisation: float) -> Behaviour:
            extra = (
                f"endpoint-load-metrics: TEXT cpu_utilization={utilisation},rps_fractional=90\r\n"
            )
            return answering(http(RIGHT, extra=extra))

        async with stub(saying(0.3)) as a, stub(saying(0.9)) as b:
            replicas = tuple(
                Replica(name=name, host=each.address.host, port=each.address.port)
                for name, each in zip("ab", (a, b), strict=True)
            )
            config = BalancerConfig.model_validate(
                {
                    "replicas": replicas,
                    "policy": "utilisation",
                    "policy_settings": {"blackout_s": 0.0, "update_s": 0.01},
                }
            )
            async with balancer(config) as started:
                await until(lambda: len(started.roster.ready(time.monotonic())) == 2)
                for _ in range(4):
                    await ask(started.address)
                await asyncio.sleep(0.05)
                a.heard.clear()
                b.heard.clear()
                for _ in range(80):
                    await ask(started.address)
        assert abs(len(a.heard) - 60) <= 3
        assert len(a.heard) + len(b.heard) == 80

    asyncio.run(scenario())
