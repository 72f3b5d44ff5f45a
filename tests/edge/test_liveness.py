"""/health/live says that the loop turns: under any load, and not when it is stuck."""

import signal
import socket
import threading
import time

import pytest

from tests.edge.crowd import PATH, SETOSA, address
from tests.integration.wire import JSON, Connection, get
from tests.processes.replica import Replica

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

CLIENTS = 48
LOAD_S = 3.0


def test_live_under_full_load(plain: Replica) -> None:
    stop = time.monotonic() + LOAD_S
    counts: list[int] = []

    def ask() -> None:
        count = 0
        with Connection(address(plain)) as connection:
            while time.monotonic() < stop:
                count += connection.ask("POST", PATH, SETOSA, JSON).status == 200
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    asked = 0
    while time.monotonic() < stop:
        assert get(address(plain), "/health/live").json() == {"live": True}
        asked += 1
    for thread in threads:
        thread.join()
    assert len(counts) == CLIENTS
    assert asked > 3


def test_a_stuck_loop_does_not_answer(plain: Replica) -> None:
    plain.process.send_signal(signal.SIGSTOP)
    try:
        with (
            Connection(address(plain), timeout_s=0.5) as connection,
            pytest.raises(socket.timeout),
        ):
            connection.ask("GET", "/health/live")
    finally:
        plain.process.send_signal(signal.SIGCONT)
    assert get(address(plain), "/health/live").status == 200
