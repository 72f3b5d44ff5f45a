"""Several API processes on one port are one service: even, in step, and never half dead."""

import http.client
import itertools
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from models.store import Store
from tests.processes.crew import api_processes, connections, workers_of, zombies
from tests.processes.odd_models import Constant
from tests.processes.replica import Replica, alive, children, running, wait_for
from tests.processes.test_swap import register

pytestmark = pytest.mark.integration
VERSIONS = 3
TOKEN = "open sesame"
FLAGS = (
    "--api-processes=2", "--workers=2", "--watch-store-s=0.1", "--drain-delay-s=0.2",
    f"--admin-token={TOKEN}",
)  # fmt: skip
BODY = json.dumps({"instances": [[0.0, 0.0]]})


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose model answers its own version: 1.0, 2.0, 3.0."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "rows.csv").write_text("a,b\n1.0,2.0\n3.0,4.0\n")
    for version in range(1, VERSIONS + 1):
        register(folder, Constant(float(version)), folder / "store")
    return folder / "store"


@pytest.fixture
def many(taught: Path, tmp_path: Path) -> Iterator[tuple[Replica, Store]]:
    shutil.copytree(taught, tmp_path / "store")
    with running(tmp_path / "store", tmp_path, *FLAGS) as replica:
        yield replica, Store(tmp_path / "store")


def ask(connection: http.client.HTTPConnection) -> tuple[int, Any]:
    connection.request("POST", "/v1/models/teller:predict", BODY)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def version(connection: http.client.HTTPConnection) -> int:
    status, answer = ask(connection)
    assert status == 200, answer
    assert answer["predictions"] == [float(answer["version"])]
    told: int = answer["version"]
    return told


@contextmanager
def opened(replica: Replica, count: int) -> Iterator[list[http.client.HTTPConnection]]:
    """Open connections, each of which has asked once; close them at the end."""
    found = [replica.connect() for _ in range(count)]
    try:
        for connection in found:
            version(connection)
        yield found
    finally:
        for connection in found:
            connection.close()


def versions(replica: Replica, count: int = 4) -> set[int]:
    """Return what new connections are told, which are spread over all processes."""
    with opened(replica, count) as found:
        return {version(connection) for connection in found}


def counted(replica: Replica, name: str) -> float:
    """Return the sum of a counter over its labels."""
    lines = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", replica.metrics(), re.MULTILINE)
    return sum(map(float, lines))


class Sequence(threading.Thread):
    """A client that asks one after the other, each time on the next of its connections."""

    def __init__(self, replica: Replica, count: int) -> None:
        super().__init__()
        self._connections = [replica.connect() for _ in range(count)]
        self.seen: list[int] = []
        self.failed: list[Any] = []
        self.stop = threading.Event()

    def run(self) -> None:
        for connection in itertools.cycle(self._connections):
            if self.stop.is_set():
                break
            try:
                status, answer = ask(connection)
            except OSError as error:
                self.failed.append(error)
                break
            if status != 200 or answer["predictions"] != [float(answer["version"])]:
                self.failed.append((status, answer))
            else:
                self.seen.append(answer["version"])
        for connection in self._connections:
            connection.close()


def test_connections_are_spread_evenly_however_few_they_are(
    many: tuple[Replica, Store],
) -> None:
    replica, _ = many
    with ExitStack() as stack:
        kept: list[http.client.HTTPConnection] = []
        for count in (2, 3, 4, 8, 16, 64):
            kept += stack.enter_context(opened(replica, count - len(kept)))
            wait_for(lambda n=count: sum(connections(replica).values()) == n)  # type: ignore[misc]
            shares = sorted(connections(replica).values())
            assert shares == [count // 2, count - count // 2]
        # Half of them go, most of one process: the next ones go where there is room.
        for connection in kept[::2]:
            connection.close()
        wait_for(lambda: sum(connections(replica).values()) == 32)
        time.sleep(0.2)  # until the process has told of it
        stack.enter_context(opened(replica, 32))
        wait_for(lambda: sorted(connections(replica).values()) == [32, 32])


def test_no_client_sees_an_older_version_after_a_newer_one(many: tuple[Replica, Store]) -> None:
    replica, store = many
    clients = [Sequence(replica, 4) for _ in range(3)]
    for client in clients:
        client.start()
    turns = 16
    for turn in range(1, turns + 1):
        promoted = turn % VERSIONS + 1
        store.promote("teller", promoted)
        # Each has seen it before the next comes, so that no client leaves one out.
        wait_for(lambda v=promoted: all(one.seen[-1:] == [v] for one in clients))  # type: ignore[misc]
    for client in clients:
        client.stop.set()
        client.join(30)
        assert client.failed == []
        changes = [one for one, _ in itertools.groupby(client.seen)]
        assert changes == [turn % VERSIONS + 1 for turn in range(turns + 1)]
    wait_for(lambda: counted(replica, "percore_swaps_total") == turns)
    # a common loader, its standby, and of each process itself, a loader, a worker, a spare
    wait_for(lambda: len(children(replica.process.pid)) == 2 + 2 * 4)
    wait_for(lambda: not zombies(replica))


def test_every_process_tells_of_all(many: tuple[Replica, Store]) -> None:
    replica, _ = many
    with opened(replica, 6) as kept:
        for connection in kept:
            version(connection)
    for _ in range(4):  # each time on a connection of its own, to one process after the other
        assert counted(replica, "percore_requests_total") == 12
        assert counted(replica, "percore_batch_rows_count") == 12
        assert replica.workers()["ready"] == replica.workers()["wanted"] == 2
        assert len(replica.workers()["pids"]) == 2
        status, told = replica.ask("GET", "/v2/models/teller/stats")
        assert status == 200
        assert told["model_stats"][0]["inference_count"] == 12
        assert told["model_stats"][0]["inference_stats"]["success"]["count"] == 12


def test_a_killed_process_is_replaced_and_what_it_counted_is_kept(
    many: tuple[Replica, Store],
) -> None:
    replica, store = many
    store.promote("teller", 2)
    wait_for(lambda: replica.predict("teller", [[0.0, 0.0]])[1]["version"] == 2)
    victim, other = api_processes(replica)
    wait_for(lambda: len(workers_of(replica)) == 4)  # those of the first version have ended
    workers = workers_of(replica)
    survivors = 0
    with opened(replica, 8) as kept:
        before = counted(replica, "percore_requests_total")
        os.kill(victim, signal.SIGKILL)
        for connection in kept:
            try:
                survivors += version(connection) == 2
            except (OSError, http.client.HTTPException):
                continue
    assert survivors == 4
    wait_for(lambda: len(set(api_processes(replica)) - {victim}) == 2)
    wait_for(replica.is_ready)
    assert other in api_processes(replica)
    assert counted(replica, "percore_requests_total") == before + survivors
    assert counted(replica, "percore_api_process_restarts_total") == 1
    assert versions(replica) == {2}
    # of the workers that there were, those of the victim have ended
    wait_for(lambda: sum(map(alive, workers)) == len(workers) // 2)
    wait_for(lambda: not zombies(replica))


def test_nobody_answers_by_the_new_version_before_all_can(many: tuple[Replica, Store]) -> None:
    """One has flipped and the other is stopped: the first waits until the other has been ended."""
    replica, store = many
    with opened(replica, 1) as (connection,):
        (flips,) = [pid for pid, count in connections(replica).items() if count]
        (stays,) = set(api_processes(replica)) - {flips}
        ready = happened(replica, "worker_ready")
        os.kill(flips, signal.SIGSTOP)
        store.promote("teller", 3)
        # the worker and the spare of the one that will not flip
        wait_for(lambda: happened(replica, "worker_ready") == ready + 2)
        time.sleep(0.5)  # until it has told so
        os.kill(stays, signal.SIGSTOP)
        os.kill(flips, signal.SIGCONT)
        seen = [version(connection)]
        while seen[-1] == 1:
            seen.append(version(connection))
        assert happened(replica, "api_process_killed") == 1
        assert seen[-1] == 3
    wait_for(lambda: len(api_processes(replica)) == 2 and replica.is_ready())
    assert versions(replica) == {3}
    assert flips in api_processes(replica)


def happened(replica: Replica, event: str) -> int:
    return sum(one["event"] == event for one in replica.events())


def test_the_end_of_the_supervisor_is_the_end_of_all(many: tuple[Replica, Store]) -> None:
    replica, _ = many
    family = children(replica.process.pid)
    assert len(family) == 10
    replica.process.kill()
    replica.process.wait(10)
    wait_for(lambda: not any(map(alive, family)))


def test_sigterm_under_load_loses_nothing(many: tuple[Replica, Store]) -> None:
    replica, _ = many
    family = children(replica.process.pid)
    clients = [Leaver(replica) for _ in range(6)]
    for client in clients:
        client.start()
    wait_for(lambda: all(client.answered > 20 for client in clients))
    assert replica.stop() == 0
    for client in clients:
        client.join(30)
        assert client.failed == []
    wait_for(lambda: not any(map(alive, family)))


class Leaver(threading.Thread):
    """A client that goes when its connection is closed after an answer, as it was told."""

    def __init__(self, replica: Replica) -> None:
        super().__init__()
        self._connection = replica.connect()
        self.answered = 0
        self.failed: list[Any] = []

    def run(self) -> None:
        while True:
            try:
                self._connection.request("POST", "/v1/models/teller:predict", BODY)
                response = self._connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(error)
                return
            if response.status != 200:
                self.failed.append(response.status)
            self.answered += 1
            if response.getheader("connection") == "close":
                self._connection.close()
                return


def test_admin_calls_to_one_process_act_on_all(many: tuple[Replica, Store]) -> None:
    replica, store = many
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def order(path: str) -> int:
        connection = replica.connect()
        connection.request("POST", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    with opened(replica, 4) as kept:
        assert order("/v2/repository/models/teller/unload") == 200
        assert {ask(one)[0] for one in kept} == {404}
        assert order("/v2/repository/models/teller/load") == 200
        assert {version(one) for one in kept} == {1}
        store.promote("teller", 2)
        assert order("/admin/reload") == 202
        wait_for(lambda: {version(one) for one in kept} == {2})


def test_a_refused_candidate_changes_nothing_anywhere(many: tuple[Replica, Store]) -> None:
    replica, store = many
    artefact = store.folder("teller", 2) / "model.joblib"
    artefact.write_bytes(artefact.read_bytes() + b"x")
    store.promote("teller", 2)
    with opened(replica, 4) as kept:
        for connection in kept:
            wait_for(lambda one=connection: "2" in about(one)["refused"])  # type: ignore[misc]
            assert about(connection)["effective"] == {"production": 1}
            assert version(connection) == 1
    assert replica.is_ready()
    assert counted(replica, "percore_swaps_refused_total") == 1


def about(connection: http.client.HTTPConnection) -> dict[str, Any]:
    connection.request("GET", "/v1/models/teller")
    described: dict[str, Any] = json.loads(connection.getresponse().read())
    return described


def test_loaders_that_died_are_replaced(many: tuple[Replica, Store]) -> None:
    replica, store = many
    loaders = [pid for pid in children(replica.process.pid) if comm_is_loader(pid)]
    assert len(loaders) == 3
    for pid in loaders:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: sum(map(comm_is_loader, children(replica.process.pid))) == 3)
    wait_for(replica.is_ready)
    store.promote("teller", 2)
    wait_for(lambda: versions(replica) == {2})
    wait_for(lambda: len(children(replica.process.pid)) == 10)
    wait_for(lambda: not zombies(replica))


def comm_is_loader(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "percore-loader"
    except OSError:
        return False


def test_pinned_workers_have_a_core_each(taught: Path, tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with running(taught, tmp_path, *FLAGS, "--pin-workers") as replica:
        pids = replica.workers()["pids"]
        masks = [os.sched_getaffinity(pid) for pid in pids]
        assert sorted(map(sorted, masks)) == sorted([[core] for core in (cores * 2)[:2]])
        os.kill(pids[0], signal.SIGKILL)
        wait_for(lambda: len(set(replica.workers()["pids"]) - {pids[0]}) == 2)
        successor = next(iter(set(replica.workers()["pids"]) - set(pids)))
        assert os.sched_getaffinity(successor) == masks[0]
        assert os.sched_getaffinity(api_processes(replica)[0]) == set(cores)
