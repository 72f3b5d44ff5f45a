"""How many connections there may be, how long they live, and what is left when files run out."""

import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from service.settings import Settings
from tests.edge.conftest import complaints
from tests.edge.crowd import PATH, SETOSA, Crowd, address, answers, gauge
from tests.integration.refusals import refused
from tests.integration.wire import JSON, Connection, NoReply, get, request
from tests.processes.replica import Replica, running, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FEW_FILES = 256
SPARE_FILES = 4
"""A spare worker may have been started meanwhile."""


@contextmanager
def few_files() -> Iterator[None]:
    """Let children begin with a low limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def asked(connection: Connection) -> bool:
    return connection.ask("POST", PATH, SETOSA, JSON).status == 200


def files(replica: Replica) -> int:
    return len(list(Path(f"/proc/{replica.process.pid}/fd").iterdir()))


def test_above_the_limit_only_probes_are_answered(shelf: Path, tmp_path: Path) -> None:
    with running(shelf, tmp_path, "--workers=1", "--max-connections=20") as replica:
        with Connection(address(replica)) as early:
            assert asked(early)
            with Crowd(address(replica), 19, b""):
                wait_for(lambda: gauge(replica, "connections") == 21)
                assert get(address(replica), "/health/live").status == 200
                assert get(address(replica), "/health/ready").status == 200
                with Connection(address(replica)) as late:
                    reply = late.ask("POST", PATH, SETOSA, JSON)
                    refused(reply, 503, "overloaded")
                    assert reply.headers["retry-after"] == "1"
                    assert late.rest() == b""
                assert asked(early)
        wait_for(lambda: gauge(replica, "connections") == 1)
        assert answers(replica)
        assert complaints(replica) == []


@pytest.mark.parametrize("flags", [(), ("--max-connections=5000",)], ids=["own", "too high"])
def test_a_thousand_connections_with_few_files(
    shelf: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with few_files():
        started = running(shelf, tmp_path, "--workers=1", *flags)
        replica = started.__enter__()
    try:
        before = files(replica)
        with Connection(address(replica)) as early:
            assert asked(early)
            with Crowd(address(replica), 1000, b"") as crowd:
                assert all(asked(early) for _ in range(20))
                used = cpu_s(replica)
                time.sleep(0.5)
                assert cpu_s(replica) - used < 0.4  # it does not spin
                crowd.look_at_all()
                assert len(crowd.open) < FEW_FILES
                if not flags:
                    wait_for(lambda: is_live(replica), 5.0)
            wait_for(lambda: recovered(replica), 2.0)
            assert asked(early)
        wait_for(lambda: files(replica) <= before + SPARE_FILES, 2.0)
        assert complaints(replica) == []
    finally:
        started.__exit__(None, None, None)


def recovered(replica: Replica) -> bool:
    with suppress(OSError, NoReply):
        return answers(replica)
    return False


def is_live(replica: Replica) -> bool:
    """Return whether a probe gets in, for which silent connections must make room first."""
    return get(address(replica), "/health/live").status == 200


def cpu_s(replica: Replica) -> float:
    fields = Path(f"/proc/{replica.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_keep_alive_is_longer_than_that_of_usual_balancers() -> None:
    assert Settings().keep_alive_s > 60


def test_an_idle_connection_lives_longer_than_five_seconds(plain: Replica) -> None:
    with Connection(address(plain)) as one:
        assert asked(one)
        time.sleep(5.5)
        assert asked(one)


def test_an_idle_connection_ends_after_the_time_set(tight: Replica) -> None:
    with Connection(address(tight)) as connection:
        assert asked(connection)
        began = time.monotonic()
        assert connection.rest() == b""
        assert time.monotonic() - began > 1.9


def test_connections_that_are_reset_leave_nothing(tight: Replica) -> None:
    before = files(tight)
    for _ in range(300):
        with Connection(address(tight)) as connection:
            assert asked(connection)
            linger = b"\x01\0\0\0\0\0\0\0"
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wait_for(lambda: files(tight) <= before + SPARE_FILES, 2.0)


def test_while_draining_every_answer_is_its_connections_last(shelf: Path, tmp_path: Path) -> None:
    with running(shelf, tmp_path, "--workers=1", "--drain-delay-s=2") as replica:
        with (
            Connection(address(replica)) as idle,
            Connection(address(replica)) as busy,
            Connection(address(replica)) as unused,
        ):
            assert asked(idle)
            slow = b'{"instance":[11.0,0.0]}'
            busy.send(request("POST", "/v1/models/sleepy:predict", slow, JSON))
            wait_for(lambda: gauge(replica, "requests_in_flight") == 1)
            replica.process.send_signal(signal.SIGTERM)
            wait_for(lambda: get(address(replica), "/health/ready").status == 503)
            for connection in (idle, unused):
                reply = connection.ask("POST", PATH, SETOSA, JSON)
                assert (reply.status, reply.headers["connection"]) == (200, "close")
                assert connection.rest() == b""
            reply = busy.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert busy.rest() == b""
        assert replica.process.wait(30) == 0
        assert complaints(replica) == []
