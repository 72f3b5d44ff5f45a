"""When a replica counts as ready."""

import asyncio

import pytest

from loadtest.balancer.health import Readiness, probe
from tests.loadtest.stubs import never, stub


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
