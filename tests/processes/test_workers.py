"""Workers die and are replaced; whoever waited is answered by another one."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.processes.replica import (
    Replica,
    alive,
    children,
    parent_of,
    wait_for,
)

pytestmark = pytest.mark.integration
ROW = [5.1, 3.5, 1.4, 0.2]


class Client(threading.Thread):
    """Sends one request after the other on one connection, and notes what came back."""

    def __init__(self, replica: Replica) -> None:
        super().__init__()
        self._replica = replica
        self.statuses: list[int] = []
        self.wrong = 0
        self.failure: Exception | None = None
        self.stop = threading.Event()

    def run(self) -> None:
        connection = self._replica.connect()
        body = b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
        try:
            while not self.stop.is_set():
                connection.request("POST", "/v1/models/iris:predict", body)
                response = connection.getresponse()
                answer = response.read()
                self.statuses.append(response.status)
                self.wrong += b'"predictions":["setosa"]' not in answer
        except OSError as error:
            self.failure = error
        finally:
            connection.close()


def test_kill_9_under_load_loses_nothing(replica: Replica) -> None:
    clients = [Client(replica) for _ in range(4)]
    for client in clients:
        client.start()
    for i in range(20):
        time.sleep(0.1)
        os.kill(replica.workers()["pids"][i % 2], signal.SIGKILL)
        wait_for(lambda i=i: replica.workers()["restarts"] == i + 1)  # type: ignore[misc]
        wait_for(lambda: replica.workers()["ready"] == 2)
    for client in clients:
        client.stop.set()
        client.join(30)
    assert [client.failure for client in clients] == [None] * len(clients)
    assert sum(client.wrong for client in clients) == 0
    assert {status for client in clients for status in client.statuses} == {200}
    assert replica.process.poll() is None


def test_a_stopped_worker_is_noticed_and_replaced(replica: Replica) -> None:
    before = replica.workers()["pids"]
    os.kill(before[0], signal.SIGSTOP)
    wait_for(lambda: before[0] not in replica.workers()["pids"], limit_s=30)
    wait_for(lambda: replica.workers()["ready"] == 2 and not alive(before[0]))


def test_workers_survive_their_loader(replica: Replica) -> None:
    workers = replica.workers()["pids"]
    for loader in (replica.loader(), replica.loader("percore-standby")):
        os.kill(loader, signal.SIGKILL)
    wait_for(lambda: all(parent_of(pid) == replica.process.pid for pid in workers))
    for _ in range(20):
        assert replica.predict("iris", [ROW])[0] == 200
    assert replica.workers()["pids"] == workers


def test_the_next_loader_is_forked_from_the_standby(replica: Replica) -> None:
    former, standby = replica.loader(), replica.loader("percore-standby")
    os.kill(former, signal.SIGKILL)
    while (new := [event for event in replica.events() if event["event"] == "serving"])[1:] == []:
        assert replica.predict("iris", [ROW])[0] == 200
    assert len(new) == 2
    assert replica.loader() not in {former, standby}
    assert replica.predict("iris", [ROW])[0] == 200
    assert replica.workers()["restarts"] == 0


@pytest.mark.parametrize("names", [["percore-loader"], ["percore-standby", "percore-loader"]])
def test_a_stopped_loader_is_ended_and_replaced(replica: Replica, names: list[str]) -> None:
    """It could replace no worker; and a standby that is stopped, too, forks no loader."""
    stopped = [replica.loader(name) for name in names]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: not any(map(alive, stopped)), limit_s=60)
    wait_for(lambda: [event["event"] for event in replica.events()].count("serving") == 2)
    for pid in replica.workers()["pids"]:
        os.kill(pid, signal.SIGKILL)
    assert replica.predict("iris", [ROW])[0] == 200


def test_a_loader_and_its_workers_may_all_be_killed_at_once(replica: Replica) -> None:
    """Who waits for them is answered by those of the next loader."""
    standby = replica.loader("percore-standby")
    asked, answers = threading.Event(), list[int]()

    def ask() -> None:
        connection = replica.connect()
        connection.putrequest("POST", "/v1/models/iris:predict")
        body = b'{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        asked.set()
        answers.append(connection.getresponse().status)
        connection.close()

    client = threading.Thread(target=ask)
    loader = replica.loader()
    for pid in (loader, *(set(children(replica.process.pid)) - {loader, standby})):
        os.kill(pid, signal.SIGKILL)
    client.start()
    assert asked.wait(10)
    client.join(25)  # before the request's time is over
    assert answers == [200]
    assert replica.predict("iris", [ROW])[0] == 200
    assert replica.loader() != loader


def test_the_end_of_the_api_process_leaves_nobody_behind(replica: Replica) -> None:
    everybody = children(replica.process.pid)
    assert len(everybody) == 5  # the loader, its standby, two workers and the spare
    replica.process.kill()
    replica.process.wait(10)
    wait_for(lambda: not any(alive(pid) for pid in everybody), limit_s=10)


def test_signals_to_the_group_do_not_reach_the_workers(replica: Replica) -> None:
    workers = replica.workers()["pids"]
    for pid in (replica.loader(), *workers):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
    time.sleep(0.2)
    assert replica.workers()["pids"] == workers
    assert replica.workers()["restarts"] == 0
    # what Ctrl-C in a terminal does
    os.killpg(replica.process.pid, signal.SIGINT)
    assert replica.process.wait(30) == 0


def test_a_worker_holds_no_descriptor_of_another(replica: Replica) -> None:
    """A sibling's socket, kept open, would hide its end of file."""
    for pid in replica.workers()["pids"]:
        targets = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
        assert sum(target.startswith("socket:") for target in targets) == 1
        assert not [target for target in targets if "pidfd" in target]


def test_loader_and_workers_have_one_thread_each(replica: Replica) -> None:
    """pandas and pyarrow are loaded in them: no allocator or BLAS may have started a thread."""
    rows = [[17, 2.5, 3, 11.0, "GP", "mother", "higher", True]] * 3
    replica.predict("students", rows)
    for pid in (replica.loader(), *replica.workers()["pids"]):
        assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert b"OMP_NUM_THREADS=1" in environment
        assert b"OPENBLAS_NUM_THREADS=1" in environment
        assert b"JE_ARROW_MALLOC_CONF=background_thread:false" in environment
        assert b"MALLOC_ARENA_MAX=2" in environment


def test_the_api_process_imports_nothing_heavy(replica: Replica) -> None:
    maps = Path(f"/proc/{replica.process.pid}/maps").read_text()
    for library in ("sklearn", "pandas", "pyarrow", "scipy", "numpy"):
        assert f"/{library}/" not in maps
    loaded = Path(f"/proc/{replica.loader()}/maps").read_text()
    assert "/sklearn/" in loaded  # the look itself works
