"""More is asked than can be done: what is accepted is in time, shares are fair, and it passes."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from loadtest.client import run_load
from loadtest.http1 import Address
from loadtest.payload import Answer, Expected, Request, predict_wire
from loadtest.record import LoadResult, Outcome, Record
from loadtest.scenario import ClosedLoad, OpenLoad
from tests.processes.odd_models import Napper, Sleepy
from tests.processes.replica import Replica, running, wait_for
from tests.processes.test_odd_models import register

pytestmark = pytest.mark.integration
DEADLINE_S = 0.5
SLACK_S = 0.25
"""What the generator and the way may add on a busy machine."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slow")
    for model in (Napper(), Sleepy()):
        register(folder, model)
    return folder / "store"


@pytest.fixture
def replica(slow: Path, tmp_path: Path) -> Iterator[Replica]:
    with running(slow, tmp_path, "--workers", "2") as started:
        yield started


def address(replica: Replica) -> Address:
    return Address("127.0.0.1", replica.port)


def requests(replica: Replica, **headers: str) -> list[Request]:
    """Return single rows, each with the deadline and an answer of its own."""
    timeout = str(int(DEADLINE_S * 1000))
    fields = {"X-Request-Timeout-Ms": timeout, **headers}
    return [
        Request(
            wire=predict_wire(
                address(replica), "napper", [[i, 0.5]], probabilities=False, headers=fields
            ),
            expected=Expected(
                model="napper", labels=False, answers={1: Answer(predictions=[i + 0.5])}
            ),
        )
        for i in range(50)
    ]


async def capacity_per_s(replica: Replica) -> float:
    """Return what a few clients get that always have a request waiting."""
    load = ClosedLoad(connections=40, duration_s=1.5, timeout_s=5.0)
    result = await run_load(address(replica), requests(replica), load)
    return result.counts.right / result.elapsed_s


async def offer(
    replica: Replica,
    rate_per_s: float,
    duration_s: float,
    source: str | None = None,
    asked: Sequence[Request] = (),
) -> LoadResult:
    load = OpenLoad(
        rate_per_s=rate_per_s, duration_s=duration_s, timeout_s=5.0, max_connections=4096
    )
    asked = asked or requests(replica)
    return await run_load(address(replica), asked, load, source=source)


def in_time(records: Sequence[Record]) -> list[Record]:
    return [
        one
        for one in records
        if one.outcome is Outcome.RIGHT and one.latency_s <= DEADLINE_S + SLACK_S
    ]


def test_three_times_the_capacity(replica: Replica) -> None:
    async def act() -> None:
        capacity = await capacity_per_s(replica)
        flood = await offer(replica, 3 * capacity, 3.0)
        calm = await offer(replica, 0.5 * capacity, 1.5)
        good = in_time(flood.records)
        late = [
            one
            for one in flood.records
            if one.outcome is Outcome.RIGHT and one.latency_s > DEADLINE_S + SLACK_S
        ]
        causes = Counter(one.cause for one in flood.records)
        print(f"capacity {capacity:.0f}/s, goodput {len(good) / 3.0:.0f}/s, {dict(causes)}")
        assert len(good) / 3.0 >= 0.8 * capacity
        assert not late
        assert causes["status_503"] > 0.5 * len(flood.records)
        assert causes.keys() <= {"", "status_503", "status_504"}
        assert causes["status_504"] < 0.02 * len(flood.records)
        harmed = [one for one in calm.records if one.outcome is not Outcome.RIGHT]
        assert max((one.intended_s for one in harmed), default=0.0) < 1.0

    asyncio.run(act())
    text = scrape(replica)
    assert 'percore_shed_total{model="napper",reason="deadline",version="1"}' in text
    assert "percore_predicted_wait_seconds 0.0" in text
    assert replica.workers()["restarts"] == 0


def test_a_hog_gets_what_the_others_leave(replica: Replica) -> None:
    async def act() -> None:
        capacity = await capacity_per_s(replica)
        hog, *others = await asyncio.gather(
            offer(replica, 5 * capacity, 4.0, "127.0.0.100"),
            *(offer(replica, 0.08 * capacity, 4.0, f"127.0.0.{i}") for i in range(2, 11)),
        )
        shares = [len(in_time(one.records)) / one.sent for one in others]
        causes = Counter(one.cause for one in hog.records)
        print(f"shares {[round(share, 3) for share in shares]}, hog {dict(causes)}")
        assert min(shares) >= 0.9
        assert causes["status_429"] > 0.5 * len(hog.records)
        assert causes[""] > 0.05 * capacity * 4.0  # the hog is not punished: it has its share

    asyncio.run(act())


def test_low_priority_yields_and_is_served(replica: Replica) -> None:
    async def act() -> None:
        capacity = await capacity_per_s(replica)
        high, low = await asyncio.gather(
            offer(replica, 0.6 * capacity, 3.0, asked=requests(replica, **{"X-Priority": "high"})),
            offer(replica, 2 * capacity, 3.0, asked=requests(replica, **{"X-Priority": "low"})),
        )
        high_share = len(in_time(high.records)) / high.sent
        low_rate = len(in_time(low.records)) / 3.0 / capacity
        print(f"high gets {high_share:.1%} of what it asks, low {low_rate:.1%} of the capacity")
        assert high_share >= 0.9
        assert low_rate >= 0.1

    asyncio.run(act())


def test_a_refusal_comes_before_the_body(replica: Replica) -> None:
    """Two workers are busy for longer than the client has, who has sent nothing but headers."""
    assert replica.predict("sleepy", [[10.6, 0.0]])[0] == 200  # and now it is known what it takes
    connections = [replica.connect() for _ in range(2)]
    for connection in connections:
        connection.request("POST", "/v1/models/sleepy:predict", '{"instances": [[10.6, 0.0]]}')
    wait_for(lambda: replica.workers()["busy"] == 2)
    with socket.create_connection(("127.0.0.1", replica.port), timeout=10) as raw:
        raw.sendall(
            b"POST /v1/models/sleepy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
            b"X-Request-Timeout-Ms: 100\r\n\r\n"
        )
        head, _, body = raw.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    retry_after = next(
        line for line in head.lower().splitlines() if line.startswith(b"retry-after: ")
    )
    assert int(retry_after.split()[1]) >= 1
    assert json.loads(body)["code"] == "overloaded"
    for connection in connections:
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (200, True)
        connection.close()


@pytest.mark.parametrize("value", ["urgent", ""])
def test_a_priority_that_is_none_is_refused(replica: Replica, value: str) -> None:
    body = '{"instances": [[1.0, 2.0]]}'
    with closing(replica.connect()) as connection:
        connection.request("POST", "/v1/models/napper:predict", body, {"X-Priority": value})
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["code"]) == (400, "bad_header")


def scrape(replica: Replica) -> str:
    with closing(replica.connect()) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
