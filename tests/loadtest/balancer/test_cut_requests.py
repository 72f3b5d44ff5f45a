"""Requests cut over several replicas, over sockets."""

import asyncio
import json

import pytest

from tests.loadtest.balancer.fronted import ask, running
from tests.loadtest.stubs import (
    Behaviour,
    Heard,
    cut,
    hang_up,
    http,
    stub,
)


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
