"""A request in parts under way: who waits for whom, and what ends it."""

import asyncio
import json

import pytest

import service.batching.outlook as outlook_module
from service.errors import DeadlineExceeded, PoisonInput, ServiceError
from service.protocols.http import Client, ClientGone
from tests.service.protocols.spreads import WORKERS, Bench, as_json, play, table

pytestmark = pytest.mark.usefixtures("small_parts")


def test_small_requests_do_not_wait_for_all_parts() -> None:
    async def act(bench: Bench) -> None:
        bench.held = []
        body = json.dumps({"instances": table(50)}).encode()
        large = asyncio.ensure_future(bench.parted(as_json(body), False))
        await asyncio.sleep(0.01)
        assert len(bench.held) == WORKERS
        assert bench.batcher.statistics().waiting == 0
        small = bench.entry(as_json(b'{"instances":[[1,2,3]]}'), False)
        bench.served.submit(small)
        bench.held.pop(0)()  # one part of many has ended, and whoever waits is next
        assert len(bench.held) == WORKERS
        bench.held.pop()()
        assert small.future.done()
        while not large.done():
            await asyncio.sleep(0.001)
            for work in bench.held[:]:
                bench.held.remove(work)
                work()
        assert large.result() is not None

    play(act)


def test_one_part_at_a_time_if_nobody_is_free() -> None:
    async def act(bench: Bench) -> None:
        bench.held = []
        others = [bench.entry(as_json(b'{"instances":[[1,2,3]]}'), False) for _ in range(WORKERS)]
        for other in others:
            bench.served.submit(other)
        await asyncio.sleep(0.01)
        body = json.dumps({"instances": table(50)}).encode()
        large = asyncio.ensure_future(bench.parted(as_json(body), False))
        await asyncio.sleep(0.01)
        assert bench.batcher.statistics().waiting == 1
        large.cancel()
        await asyncio.gather(large, return_exceptions=True)

    play(act)


def test_short_ones_and_those_that_nobody_shares_are_not_cut() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        bench.expected_s = outlook_module.PAYS_S * 0.99
        assert await bench.parted(body, False) is None
        bench.expected_s = outlook_module.PAYS_S
        assert await bench.parted(body, False) is not None
        bench.held = []
        bench.served.submit(bench.entry(body, False))
        await asyncio.sleep(0.01)
        assert await bench.parted(body, False) is None

    play(act)


def test_who_answers_otherwise_in_parts_is_not_asked_in_parts() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        assert await bench.parted(body, False) is not None
        bench.served.divisible = False
        assert await bench.parted(body, False) is None

    play(act)


def test_a_part_that_ends_workers_condemns_the_whole() -> None:
    async def act(bench: Bench) -> None:
        rows = table(50)
        rows[30] = [13.25, 13.5, 13.75]
        bench.deadly = b"13.25, 13.5, 13.75"
        payload = as_json(json.dumps({"instances": rows}).encode())
        with pytest.raises(PoisonInput):
            await bench.parted(payload, False)
        assert bench.workers == WORKERS + 2
        for again in (bench.parted, bench.whole):
            with pytest.raises(PoisonInput):
                await again(payload, False)
        assert bench.workers == WORKERS + 2

    play(act)


def test_a_client_that_goes_a_deadline_and_a_swap() -> None:
    async def act(bench: Bench) -> None:
        body = as_json(json.dumps({"instances": table(50)}).encode())
        bench.held = []
        client = Client()
        running = asyncio.ensure_future(bench.parted(body, False, client))
        await asyncio.sleep(0.01)
        assert len(bench.home) == 1
        client.leave()
        with pytest.raises(ClientGone):
            await running
        assert client.waiting is None
        for _ in range(WORKERS):
            bench.held.pop()()
        await asyncio.sleep(0.01)
        assert not bench.held  # nothing is begun that nobody waits for
        with pytest.raises(DeadlineExceeded):
            await bench.parted(body, False, timeout_s=0.1)
        for _ in range(WORKERS):
            bench.held.pop()()
        running = asyncio.ensure_future(bench.parted(body, False))
        await asyncio.sleep(0.01)
        bench.home.cut()
        with pytest.raises(ServiceError, match="out of service"):
            await running
        assert not len(bench.home)

    play(act)
