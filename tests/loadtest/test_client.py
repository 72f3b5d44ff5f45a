"""The client: each way in which a request can end, provoked over sockets."""

import asyncio
import socket
import time
from collections import Counter

import pytest

from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import ClosedLoad, OpenLoad
from tests.loadtest.stubs import (
    RIGHT,
    Behaviour,
    Heard,
    answering,
    cut,
    hang_up,
    http,
    never,
    requests,
    stub,
    until,
)

WRONG = RIGHT.replace(b"0.75", b"0.7500001")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def closed(
    duration_s: float = 0.1, connections: int = 2, timeout_s: float = 10.0, seed: int = 0
) -> ClosedLoad:
    return ClosedLoad(
        connections=connections, duration_s=duration_s, timeout_s=timeout_s, seed=seed
    )


async def _one(behave: Behaviour, timeout_s: float) -> tuple[LoadResult, int]:
    """Send exactly one request and return its end and how often the server heard it."""
    stop = asyncio.Event()

    async def behave_once(heard: Heard, writer: asyncio.StreamWriter) -> None:
        stop.set()
        await behave(heard, writer)

    async with stub(behave_once) as server:
        load = closed(60.0, connections=1, timeout_s=timeout_s)
        result = await run_load(server.address, requests(server.address), load, stop)
        return result, len(server.heard)


@pytest.mark.parametrize(
    ("behave", "outcome", "cause", "status"),
    [
        (answering(http(RIGHT)), Outcome.RIGHT, "", 200),
        (answering(*(bytes([byte]) for byte in http(RIGHT))), Outcome.RIGHT, "", 200),
        (answering(b"HTTP/1.1 102 Wait\r\n\r\n", http(RIGHT)), Outcome.RIGHT, "", 200),
        (
            answering(CHUNKED, b"%x\r\n%s\r\n" % (len(RIGHT), RIGHT), b"0\r\nX-End: 1\r\n\r\n"),
            Outcome.RIGHT,
            "",
            200,
        ),
        (answering(http(WRONG)), Outcome.WRONG, "probabilities", 200),
        (answering(http(b"<html>")), Outcome.WRONG, "not_json", 200),
        (answering(http(b"{}", "503 Busy")), Outcome.REFUSED, "status_503", 503),
        (answering(http(b"{}", "429 Slow")), Outcome.REFUSED, "status_429", 429),
        (answering(http(b"{}", "500 Oops")), Outcome.LOST, "status_500", 500),
        (answering(http(b"{}", "504 Late")), Outcome.LOST, "status_504", 504),
        (answering(http(RIGHT, "201 Made")), Outcome.LOST, "status_201", 201),
        (hang_up, Outcome.LOST, "closed", 0),
        (cut, Outcome.LOST, "cut", 0),
        (answering(b"SMTP ready\r\n\r\n"), Outcome.LOST, "malformed", 0),
    ],
)
def test_a_request_ends_in_exactly_one_way_and_is_sent_once(
    behave: Behaviour, outcome: Outcome, cause: str, status: int
) -> None:
    result, heard = asyncio.run(_one(behave, 10.0))
    assert [(r.outcome, r.cause, r.status) for r in result.records] == [(outcome, cause, status)]
    assert heard == 1  # never retried
    assert result.sent == 1


def test_a_server_that_never_answers_loses_the_request_when_its_time_is_up() -> None:
    result, heard = asyncio.run(_one(never, 0.2))
    (record,) = result.records
    assert (record.outcome, record.cause) == (Outcome.LOST, "timeout")
    assert record.latency_s >= 0.2
    assert heard == 1


def test_half_an_answer_loses_the_request_when_its_time_is_up() -> None:
    result, _ = asyncio.run(_one(answering(http(RIGHT)[:-1]), 0.2))
    assert [record.cause for record in result.records] == ["timeout"]


def test_nobody_listening_loses_every_request() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        target = Address("127.0.0.1", unheard.getsockname()[1])
        result = asyncio.run(run_load(target, requests(target), closed()))
    assert result.counts.sent == result.counts.lost > 0
    assert {record.cause for record in result.records} == {"connect"}


@pytest.mark.parametrize("surplus", [http(RIGHT), http(RIGHT)[:-5], b"HTTP"])
def test_an_answer_that_nobody_asked_for_is_never_taken_for_the_next_one(surplus: bytes) -> None:
    """The surplus is the beginning of what would be right for the request that follows."""

    async def scenario() -> None:
        async with stub(answering(http(RIGHT) + surplus)) as server:
            result = await run_load(server.address, requests(server.address), closed())
            # One request a connection: after the surplus answer it is not used again.
            assert len(server.heard) == len({heard.connection for heard in server.heard})
            assert len(server.heard) == result.sent

    asyncio.run(scenario())


def test_a_lost_connection_is_replaced_for_the_next_request_only() -> None:
    async def scenario() -> None:
        async def every_third_is_cut(heard: Heard, writer: asyncio.StreamWriter) -> None:
            await (cut if len(server.heard) % 3 == 0 else answering(http(RIGHT)))(heard, writer)
            if len(server.heard) >= 30:
                stop.set()

        stop = asyncio.Event()
        async with stub(every_third_is_cut) as server:
            load = closed(60.0, connections=1)
            result = await run_load(server.address, requests(server.address), load, stop)
            assert [record.outcome for record in result.records] == [
                Outcome.RIGHT,
                Outcome.RIGHT,
                Outcome.LOST,
            ] * 10
            assert [heard.connection for heard in server.heard] == [
                number // 3 + 1 for number in range(30)
            ]

    asyncio.run(scenario())


def test_each_of_the_four_counts_is_what_the_server_did() -> None:
    async def scenario() -> None:
        ends: list[Behaviour] = [
            answering(http(RIGHT)),
            answering(http(WRONG)),
            answering(http(b"{}", "503 Busy")),
            cut,
        ]
        did: Counter[int] = Counter()

        async def in_turn(heard: Heard, writer: asyncio.StreamWriter) -> None:
            turn = len(server.heard) % 4
            did[turn] += 1
            await ends[turn](heard, writer)

        async with stub(in_turn) as server:
            result = await run_load(server.address, requests(server.address, 8), closed(0.3, 4))
        counts = result.counts
        assert (counts.right, counts.wrong, counts.refused, counts.lost) == (
            did[0],
            did[1],
            did[2],
            did[3],
        )
        assert counts.sent == did.total() >= 8

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "load", [closed(0.3, 5), OpenLoad(rate_per_s=1000, duration_s=0.3, max_connections=5)]
)
def test_no_more_are_outstanding_than_there_are_connections(load: ClosedLoad | OpenLoad) -> None:
    async def scenario() -> None:
        outstanding, most = 0, 0

        async def slowly(heard: Heard, writer: asyncio.StreamWriter) -> None:
            nonlocal outstanding, most
            outstanding += 1
            most = max(most, outstanding)
            await asyncio.sleep(0.01)
            outstanding -= 1
            writer.write(http(RIGHT))

        async with stub(slowly) as server:
            result = await run_load(server.address, requests(server.address), load)
        assert most == 5
        assert result.counts.right == result.sent

    asyncio.run(scenario())


def test_stop_ends_a_long_load_and_waits_for_what_is_outstanding() -> None:
    async def scenario(load: ClosedLoad | OpenLoad) -> LoadResult:
        stop, release = asyncio.Event(), asyncio.Event()

        async def when_released(heard: Heard, writer: asyncio.StreamWriter) -> None:
            await release.wait()
            writer.write(http(RIGHT))

        async with stub(when_released) as server:
            running = asyncio.create_task(
                run_load(server.address, requests(server.address), load, stop)
            )
            await until(lambda: len(server.heard) >= 2)
            stop.set()
            await asyncio.sleep(0)
            assert not running.done()
            release.set()
            async with asyncio.timeout(10):
                return await running

    for load in (closed(3600.0), OpenLoad(rate_per_s=200, duration_s=3600)):
        result = asyncio.run(scenario(load))
        assert result.counts.right == result.sent >= 2
        assert result.elapsed_s < 3600


def test_a_frozen_server_is_seen_from_the_intended_starts_by_an_open_loop() -> None:
    """The server freezes until the 40th request is there; a loop that waits never sends it."""
    frozen_for = 40

    async def scenario() -> LoadResult:
        thawed = asyncio.Event()

        async def frozen(heard: Heard, writer: asyncio.StreamWriter) -> None:
            if len(server.heard) >= frozen_for:
                thawed.set()
            await thawed.wait()
            writer.write(http(RIGHT))

        load = OpenLoad(rate_per_s=200, duration_s=0.5, seed=4, timeout_s=30)
        async with stub(frozen) as server:
            return await run_load(server.address, requests(server.address), load)

    result = asyncio.run(scenario())
    assert result.counts.right == result.sent > frozen_for
    records = sorted(result.records, key=lambda record: record.intended_s)
    thaw_s = records[frozen_for - 1].intended_s
    for record in records[:frozen_for]:
        # Nobody was answered before the thaw, so each waited at least from its intended start.
        assert record.latency_s >= thaw_s - record.intended_s
    slow = [record for record in records[:frozen_for] if record.latency_s > thaw_s / 4]
    assert len(slow) >= frozen_for / 2, "the freeze must not vanish from the sample"


def test_a_closed_loop_hides_the_same_freeze_in_one_sample() -> None:
    heard_after_the_freeze = 0

    async def scenario() -> LoadResult:
        stop = asyncio.Event()

        async def frozen_once(heard: Heard, writer: asyncio.StreamWriter) -> None:
            nonlocal heard_after_the_freeze
            if len(server.heard) == 20:
                await asyncio.sleep(0.3)
                heard_after_the_freeze = len(server.heard)
            if len(server.heard) == 40:
                stop.set()
            writer.write(http(RIGHT))

        async with stub(frozen_once) as server:
            load = closed(60.0, connections=1)
            return await run_load(server.address, requests(server.address), load, stop)

    result = asyncio.run(scenario())
    assert heard_after_the_freeze == 20  # the generator was silent all the while
    assert result.records[19].latency_s >= 0.3
    assert result.counts.right == 40


def test_a_request_that_waits_for_a_connection_waits_from_its_intended_start() -> None:
    async def scenario() -> LoadResult:
        async with stub(never) as server:
            load = OpenLoad(rate_per_s=100, duration_s=0.3, timeout_s=1.0, max_connections=1)
            return await run_load(server.address, requests(server.address), load)

    result = asyncio.run(scenario())
    assert result.counts.lost == result.sent > 10
    assert {record.cause for record in result.records} == {"timeout"}
    # Each is given up at its own time, not a time-out after the one before it: that would be 2 s.
    assert all(1.0 <= record.latency_s < 1.8 for record in result.records)


def test_an_open_load_starts_when_the_schedule_says() -> None:
    async def scenario(seed: int) -> list[float]:
        async with stub(answering(http(RIGHT))) as server:
            load = OpenLoad(rate_per_s=300, duration_s=0.2, seed=seed)
            result = await run_load(server.address, requests(server.address, 4), load)
            assert all(record.sent_s >= record.taken_s for record in result.records)
            assert all(record.taken_s >= record.intended_s for record in result.records)
            return sorted(record.intended_s for record in result.records)

    first = asyncio.run(scenario(5))
    assert asyncio.run(scenario(5)) == pytest.approx(first, abs=1e-6)
    assert asyncio.run(scenario(6))[:5] != pytest.approx(first[:5], abs=1e-6)


def test_the_stages_that_an_answer_names_are_kept_and_nonsense_is_not() -> None:
    timing = (
        "parse;dur=0.125, queue;dur=1.5, predict;dur=2, transfer;dur=0.25, encode;dur=1.2.3,"
        " cache;dur=9, subqueue;dur=7"
    )
    behave = answering(http(RIGHT, extra=f"Server-Timing: {timing}\r\n"))
    result, _ = asyncio.run(_one(behave, 10.0))
    (record,) = result.records
    assert (record.parse_s, record.queue_s) == (0.000125, 0.0015)
    assert (record.predict_s, record.transfer_s, record.encode_s) == (0.002, 0.00025, None)


def test_nothing_to_send_is_an_error() -> None:
    with pytest.raises(ValueError, match="no requests"):
        asyncio.run(run_load(Address("127.0.0.1", 1), [], closed()))


def test_times_are_measured_from_the_start_of_the_load() -> None:
    async def scenario() -> LoadResult:
        async with stub(answering(http(RIGHT))) as server:
            return await run_load(server.address, requests(server.address), closed(0.1))

    before_s = time.monotonic()
    result = asyncio.run(scenario())
    took_s = time.monotonic() - before_s
    assert all(0 <= record.intended_s <= record.done_s <= took_s for record in result.records)
    assert 0.1 <= result.elapsed_s <= took_s
