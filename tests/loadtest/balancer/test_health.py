"""When a replica counts as ready."""

import asyncio

import pytest

from loadtest.balancer.config import Probes, Replica
from loadtest.balancer.health import Readiness, probe, watch
from tests.loadtest.stubs import never, stub, until


@pytest.mark.parametrize(
    ("probes", "ready"),
    [
        ([], ""),
        ([200], "y"),
        ([None, None, 200], "nny"),
        ([200, None, 200, None, 200], "yyyyy"),
        ([200, None, None, None, 200], "yynny"),
        ([200, 503, 200], "yny"),
        ([200, 404], "yn"),
        ([503, None, 200], "nny"),
        ([200, None, 503, None, 200], "yynny"),
    ],
)
def test_one_silent_probe_is_forgiven_and_a_refusal_is_not(
    probes: list[int | None], ready: str
) -> None:
    readiness = Readiness()
    assert "".join("y" if readiness.observe(status) else "n" for status in probes) == ready


def test_a_probe_tells_the_status_or_nothing() -> None:
    async def scenario() -> list[int | None]:
        async with stub(never) as server:
            ready = await probe(server.address, "/health/ready", 10)
            server.ready = False
            draining = await probe(server.address, "/health/ready", 10)
            # The stub answers nothing but probes.
            silent = await probe(server.address, "/other", 0.05)
        dead = await probe(server.address, "/health/ready", 10)
        return [ready, draining, silent, dead]

    assert asyncio.run(scenario()) == [200, 503, None, None]


def test_the_benefit_of_the_doubt_is_no_news() -> None:
    """A replica that a failed request took out must not come back by a probe that failed too."""

    async def scenario() -> None:
        told: list[bool] = []
        async with stub(never) as server:
            replica = Replica(name="a", host=server.address.host, port=server.address.port)
            probes = Probes(interval_s=0.02)
            watching = asyncio.create_task(
                watch(replica, probes, lambda _, ready: told.append(ready))
            )
            await until(lambda: len(told) >= 2)
        await until(lambda: told[-1] is False)
        watching.cancel()
        # Two probes found nobody; neither may have said that the replica is ready.
        assert 2 <= told.count(True) <= server.found_ready

    asyncio.run(scenario())
