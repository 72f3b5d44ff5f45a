"""Real nginx and real HAProxy before replicas that behave as told."""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from loadtest.client import run_load
from loadtest.front import Front, running_front
from loadtest.record import LoadResult, Outcome
from loadtest.scenario import Balancing, ClosedLoad
from loadtest.scenario.balancing import Kind
from tests.loadtest.stubs import RIGHT, Stub, answering, hang_up, http, requests, stub, until

pytestmark = pytest.mark.integration

KINDS: list[Kind] = ["own", "nginx", "haproxy"]
FAST = {"probes": {"interval_s": 0.1, "timeout_s": 1.0}}


@pytest.fixture(autouse=True)
def program(request: pytest.FixtureRequest) -> None:
    """Leave out what a missing program would have to do; they often stand in /usr/sbin."""
    kind = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    if kind in {"nginx", "haproxy"} and shutil.which(kind, path=path) is None:
        pytest.skip(f"{kind} is not installed")


def named(stubs: Sequence[Stub]) -> list[tuple[str, Any]]:
    return [(f"replica-{number}", each.address) for number, each in enumerate(stubs)]


async def load(front: Front, enough: Callable[[], bool]) -> LoadResult:
    """Ask until enough was heard, however slow the machine is."""
    plan, stop = ClosedLoad(connections=4, duration_s=60, timeout_s=10), asyncio.Event()
    running = asyncio.create_task(run_load(front.address, requests(front.address, 4), plan, stop))
    try:
        await until(enough, 30.0)
    finally:
        stop.set()
        result = await running
    return result


class Started:
    """A front for use inside a running event loop, whose stubs must answer while it starts."""

    def __init__(self, kind: Kind, stubs: Sequence[Stub], folder: Path, **settings: Any) -> None:
        balancing = Balancing.model_validate({"kind": kind, **FAST, **settings})
        self._context = running_front(balancing, named(stubs), folder)

    async def __aenter__(self) -> Front:
        return await asyncio.to_thread(self._context.__enter__)

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self._context.__exit__, None, None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_comes_through_and_names_its_replica(kind: Kind, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            Started(kind, [a, b], tmp_path, policy="round_robin") as front,
        ):
            before = (len(a.heard), len(b.heard))
            result = await load(front, lambda: len(a.heard) + len(b.heard) >= 60)
            heard = Counter({"replica-0": len(a.heard), "replica-1": len(b.heard)})
        assert result.counts.right == result.sent > 8
        assert before == (0, 0)
        assert Counter(record.replica for record in result.records) == heard
        assert abs(heard["replica-0"] - heard["replica-1"]) <= 4
        # Connections to replicas are kept: far fewer than requests.
        assert len({each.connection for each in a.heard}) <= 8 < len(a.heard)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("retried", [True, False])
def test_a_replica_that_hangs_up_is_tried_elsewhere_if_the_scenario_says_so(
    kind: Kind, retried: bool, tmp_path: Path
) -> None:
    async def scenario() -> None:
        settings: dict[str, Any] = {"policy": "round_robin"}
        if retried:
            settings["retries"] = {"attempts": 2, "on": ["connect", "closed"]}
            if kind == "own":
                # Half of all requests hang up: more than a budget against storms lets pass.
                settings["retries"] |= {"least": 1000, "tokens": 100_000}
        async with (
            stub(hang_up) as a,
            stub(answering(http(RIGHT))) as b,
            Started(kind, [a, b], tmp_path, **settings) as front,
        ):
            result = await load(front, lambda: min(len(a.heard), len(b.heard)) >= 5)
        ends = Counter(record.outcome for record in result.records)
        assert ends[Outcome.RIGHT] > 0
        assert (ends[Outcome.LOST] == 0) is retried

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["own", "haproxy"])
def test_a_drained_replica_gets_nothing_until_it_is_taken_back(kind: Kind, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            Started(kind, [a, b], tmp_path, policy="round_robin") as front,
        ):
            assert await asyncio.to_thread(front.drain, "replica-0", 5.0)
            a.heard.clear()
            result = await load(front, lambda: len(b.heard) >= 20)
            assert (len(a.heard), result.counts.right) == (0, result.sent)
            await asyncio.to_thread(front.undrain, "replica-0")
            await load(front, lambda: len(a.heard) > 0)

    asyncio.run(scenario())


def test_haproxy_leaves_a_replica_alone_that_says_it_drains(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            Started("haproxy", [a, b], tmp_path, policy="round_robin") as front,
        ):
            a.ready = False
            deadline_s = time.monotonic() + 10
            heard = -1
            while heard != len(a.heard):  # until a load no longer reaches it
                assert time.monotonic() < deadline_s
                heard, others = len(a.heard), len(b.heard)
                result = await load(front, lambda: len(b.heard) >= others + 20)  # noqa: B023
            assert result.counts.right == result.sent

    asyncio.run(scenario())


def test_with_no_balancer_everything_goes_to_the_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            stub(answering(http(RIGHT))) as a,
            stub(answering(http(RIGHT))) as b,
            Started("none", [a, b], tmp_path) as front,
        ):
            await load(front, lambda: len(a.heard) > 0)
            assert (b.heard, front.address) == ([], a.address)
            assert not front.drain("replica-0", 1.0)

    asyncio.run(scenario())
