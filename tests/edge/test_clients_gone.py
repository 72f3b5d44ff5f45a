"""Clients that go before their answer has come."""

import random
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.edge.conftest import complaints
from tests.edge.crowd import SETOSA, address, answers, gauge
from tests.integration.scrape import scrape
from tests.integration.wire import JSON, Connection, request
from tests.processes.replica import Replica, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SLEEPY = "/v1/models/sleepy:predict"
LONG_WAY = "/v1/models/sleepy/versions/01:predict"
"""A path that means a version, and that the short way does not know."""
RESET = b"\x01\0\0\0\0\0\0\0"
FLOWERS = {
    "setosa": SETOSA,
    "versicolor": b'{"instance":[5.9,2.8,4.3,1.3]}',
    "virginica": b'{"instance":[6.9,3.1,5.4,2.1]}',
}
ABORTS_S = 4.0
SPARE_FILES = 4
"""A spare worker may have been started meanwhile."""


def batches(replica: Replica) -> float:
    return scrape(address(replica))["percore_batch_requests_count", "sleepy"]


@pytest.mark.parametrize("path", [SLEEPY, LONG_WAY])
@pytest.mark.parametrize("reset", [False, True])
def test_the_work_of_clients_that_have_gone_is_not_begun(
    tight: Replica, path: str, reset: bool
) -> None:
    before, gone = batches(tight), gauge(tight, "clients_gone_total")
    with Connection(address(tight)) as first:
        first.send(request("POST", SLEEPY, b'{"instance":[10.7,0]}', JSON))
        wait_for(lambda: batches(tight) == before + 1)
        for _ in range(5):
            with Connection(address(tight)) as connection:
                connection.send(request("POST", path, b'{"instance":[30,0]}', JSON))
                if reset:
                    linger = (socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    wait_for(lambda: gauge(tight, "requests_waiting") > 0)
                    connection.socket.setsockopt(*linger)
        assert first.reply().status == 200
    wait_for(lambda: gauge(tight, "requests_waiting") == 0)
    assert answers(tight)
    assert batches(tight) == before + 1
    # Admission may have refused some before they went.
    wait_for(lambda: gauge(tight, "clients_gone_total") > gone, 5.0)


def test_a_third_of_the_clients_abort_at_random(plain: Replica) -> None:
    assert answers(plain)
    files = count_files(plain)
    stop = time.monotonic() + ABORTS_S
    wrong: list[object] = []
    threads = [
        threading.Thread(target=visit, args=(plain, seed, stop, wrong)) for seed in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for name in ("requests_waiting", "requests_in_flight"):
        wait_for(lambda name=name: gauge(plain, name) == 0, 5.0)  # type: ignore[misc]
    wait_for(lambda: count_files(plain) <= files + SPARE_FILES, 5.0)
    assert gauge(plain, "clients_gone_total") > 0
    assert complaints(plain) == []


def visit(replica: Replica, seed: int, stop: float, wrong: list[object]) -> None:
    """Ask again and again; go away at a random moment three times out of ten."""
    draw = random.Random(seed)
    try:
        while time.monotonic() < stop:
            flower = draw.choice(list(FLOWERS))
            long = draw.random() < 0.2
            path = f"/v1/models/iris{'/versions/01' if long else ''}:predict"
            whole = request("POST", path, FLOWERS[flower], JSON)
            with Connection(address(replica)) as connection:
                if draw.random() < 0.3:
                    abort(connection, whole, draw)
                    continue
                connection.send(whole)
                reply = connection.reply()
                if reply.status != 200 or reply.json()["prediction"] != flower:
                    wrong.append(reply)
    except Exception as error:
        wrong.append(error)


def abort(connection: Connection, whole: bytes, draw: random.Random) -> None:
    with suppress(OSError):
        connection.send(whole[: draw.choice([draw.randrange(len(whole)), len(whole)])])
        time.sleep(draw.choice([0.0, draw.random() * 0.01]))
        if draw.random() < 0.5:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def count_files(replica: Replica) -> int:
    return len(list(Path(f"/proc/{replica.process.pid}/fd").iterdir()))
