"""A swap under load loses nothing and mislabels nothing; a broken candidate changes nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from models.store import Store
from tests.processes.odd_models import Constant, Laggard
from tests.processes.replica import ROOT, Replica, alive, children, comm, running, wait_for

pytestmark = pytest.mark.integration
VERSIONS = 3
MANY_ROWS = 40_000
"""So many are computed in parts."""


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose model answers its own version: 1.0, 2.0, 3.0."""
    folder = tmp_path_factory.mktemp("swap")
    (folder / "rows.csv").write_text("a,b\n1.0,2.0\n3.0,4.0\n")
    for version in range(1, VERSIONS + 1):
        register(folder, Constant(float(version)), folder / "store")
    return folder / "store"


def register(folder: Path, model: Constant, store: Path) -> None:
    """Register a model as a user would, as the next version of `teller`."""
    joblib.dump(model.fit([[1.0, 2.0]]), folder / "model.joblib")
    command = [sys.executable, "-m", "models", "register", str(folder / "model.joblib")]
    command += ["--name", "teller", "--sample", str(folder / "rows.csv")]
    command += ["--store", str(store)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)


@pytest.fixture
def swapped(taught: Path, tmp_path: Path) -> Iterator[tuple[Replica, Store]]:
    shutil.copytree(taught, tmp_path / "store")
    with running(tmp_path / "store", tmp_path, "--workers", "2", "--watch-store-s", "0.1") as one:
        yield one, Store(tmp_path / "store")


def told(replica: Replica) -> tuple[int, Any]:
    """Return the version that the answer names, and the one that the model itself tells."""
    status, body = replica.predict("teller", [[0.0, 0.0]])
    assert status == 200, body
    return body["version"], body["predictions"][0]


class Teller(threading.Thread):
    """Asks without a pause, and notes every answer that is not true."""

    def __init__(self, replica: Replica, rows: int = 3) -> None:
        super().__init__()
        self._rows = rows
        self._replica = replica
        self.seen: set[int] = set()
        self.untrue: list[Any] = []
        self.asked = 0
        self.stop = threading.Event()

    def run(self) -> None:
        connection = self._replica.connect()
        body = json.dumps({"instances": [{"a": 0.0, "b": 0.0}] * self._rows})
        while not self.stop.is_set():
            connection.request("POST", "/v1/models/teller:predict", body)
            response = connection.getresponse()
            answer = json.loads(response.read())
            self.asked += 1
            version = answer.get("version", 0)
            if response.status != 200 or answer["predictions"] != [float(version)] * self._rows:
                self.untrue.append((response.status, str(answer)[:500]))
            self.seen.add(version)
        connection.close()


def test_swaps_under_load_lose_and_mislabel_nothing(swapped: tuple[Replica, Store]) -> None:
    replica, store = swapped
    tellers = [Teller(replica) for _ in range(4)]
    for teller in tellers:
        teller.start()
    for turn in range(9):
        version = turn % VERSIONS + 1
        store.promote("teller", version)
        wait_for(lambda v=version: told(replica) == (v, float(v)))  # type: ignore[misc]
    for teller in tellers:
        teller.stop.set()
        teller.join(30)
        assert teller.untrue == []
    assert set.union(*(teller.seen for teller in tellers)) == {1, 2, 3}
    # of nine generations one is left: a loader, its standby, two workers and a spare
    wait_for(lambda: len(children(replica.process.pid)) == 5)
    wait_for(lambda: no_zombies(replica))
    assert replica.is_ready()


def test_one_version_answers_all_parts_of_a_large_request(
    swapped: tuple[Replica, Store],
) -> None:
    replica, store = swapped
    teller = Teller(replica, MANY_ROWS)
    teller.start()
    for turn in range(6):
        asked = teller.asked
        wait_for(lambda before=asked: teller.asked > before + 1)  # type: ignore[misc]
        if turn == 3:
            os.kill(replica.workers()["pids"][0], signal.SIGKILL)
        store.promote("teller", (turn + 1) % VERSIONS + 1)
    teller.stop.set()
    teller.join(60)
    assert teller.untrue == []
    assert len(teller.seen) > 1
    found = re.findall(r"^percore_batch_rows_count.* (\S+)$", replica.metrics(), re.MULTILINE)
    assert sum(map(float, found)) > 2 * teller.asked  # it was in parts


def test_what_was_counted_is_counted_after_a_swap_too(swapped: tuple[Replica, Store]) -> None:
    replica, store = swapped
    os.kill(replica.workers()["pids"][0], signal.SIGKILL)
    wait_for(lambda: replica.workers()["restarts"] == 1)
    store.promote("teller", 2)
    seen: list[int] = []
    while not seen or told(replica) != (2, 2.0) or len(children(replica.process.pid)) != 5:
        seen.append(replica.workers()["restarts"])
    assert set(seen) == {1}


def test_a_corrupt_candidate_is_refused_and_the_old_one_stays(
    swapped: tuple[Replica, Store],
) -> None:
    replica, store = swapped
    assert told(replica) == (1, 1.0)
    artefact = store.folder("teller", 2) / "model.joblib"
    artefact.write_bytes(artefact.read_bytes() + b"x")
    store.promote("teller", 2)
    wait_for(lambda: "2" in about(replica)["refused"])
    assert about(replica)["refused"]["2"] == "model.joblib was changed after it was published"
    assert about(replica)["effective"] == {"production": 1}
    assert told(replica) == (1, 1.0)
    assert replica.is_ready()
    store.promote("teller", 3)
    wait_for(lambda: told(replica) == (3, 3.0))


def test_a_candidate_that_takes_too_long_to_load_is_refused(taught: Path, tmp_path: Path) -> None:
    shutil.copytree(taught, tmp_path / "store")
    shutil.copy(taught.parent / "rows.csv", tmp_path)
    register(tmp_path, Laggard(4.0), tmp_path / "store")
    flags = ("--watch-store-s", "0.1", "--load-timeout-s", "8")
    lag = {"PERCORE_TEST_LAG_S": "60"}
    with running(tmp_path / "store", tmp_path, *flags, env=lag) as replica:
        Store(tmp_path / "store").promote("teller", 4)
        wait_for(lambda: "4" in about(replica)["refused"])
        assert about(replica)["refused"]["4"] == "it took too long to load"
        assert told(replica) == (1, 1.0)
        assert "percore_swaps_refused_total 1.0" in replica.metrics()
        wait_for(lambda: len(loaders(replica)) == 1)


def test_a_rollback_swaps_back(swapped: tuple[Replica, Store]) -> None:
    replica, store = swapped
    store.promote("teller", 2)
    wait_for(lambda: told(replica) == (2, 2.0))
    store.roll_back("teller")
    wait_for(lambda: told(replica) == (1, 1.0))


def test_a_new_name_is_served_and_unchanged_models_are_not_loaded_again(
    swapped: tuple[Replica, Store], taught: Path
) -> None:
    replica, store = swapped
    before = replica.predict("teller", [[0.0, 0.0]])
    shutil.copytree(taught / "teller", store.root / ".coming")
    for path in store.root.glob(".coming/*/manifest.json"):
        path.write_text(path.read_text().replace('"teller"', '"second"'))
    (store.root / ".coming").rename(store.root / "second")
    wait_for(lambda: replica.predict("second", [[0.0, 0.0]])[0] == 200)
    assert replica.predict("teller", [[0.0, 0.0]]) == before


def test_a_loader_that_died_is_replaced_beside_its_workers(
    swapped: tuple[Replica, Store],
) -> None:
    replica, store = swapped
    workers = replica.workers()["pids"]
    old = replica.loader()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: loaders(replica) not in ([], [old]))
    assert told(replica) == (1, 1.0)
    wait_for(lambda: not any(alive(pid) for pid in workers))  # the old generation has retired
    store.promote("teller", 2)
    wait_for(lambda: told(replica) == (2, 2.0))
    wait_for(lambda: no_zombies(replica))


def test_sighup_and_the_admin_call_look_at_the_store_now(taught: Path, tmp_path: Path) -> None:
    shutil.copytree(taught, tmp_path / "store")
    store = Store(tmp_path / "store")
    flags = ("--watch-store-s", "0", "--admin-token", "open sesame")
    with running(tmp_path / "store", tmp_path, *flags) as replica:
        store.promote("teller", 2)
        time.sleep(0.5)
        assert told(replica) == (1, 1.0)
        replica.process.send_signal(signal.SIGHUP)
        wait_for(lambda: told(replica) == (2, 2.0))
        store.promote("teller", 3)
        for token, status in (("", 401), ("wrong", 401), ("open sesame", 202)):
            connection = replica.connect()
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("POST", "/admin/reload", headers=headers)
            assert connection.getresponse().status == status
            connection.close()
        wait_for(lambda: told(replica) == (3, 3.0))


def test_without_a_token_there_is_no_admin_call(swapped: tuple[Replica, Store]) -> None:
    replica, _ = swapped
    assert replica.ask("POST", "/admin/reload")[0] == 404


def about(replica: Replica) -> dict[str, Any]:
    status, body = replica.ask("GET", "/v1/models/teller")
    assert status == 200
    described: dict[str, Any] = body
    return described


def loaders(replica: Replica) -> list[int]:
    return [pid for pid in children(replica.process.pid) if comm(pid) == "percore-loader"]


def no_zombies(replica: Replica) -> bool:
    """Return whether no ended child of the API process waits to be reaped."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
            except OSError:
                continue
            if state == "Z" and int(parent) == replica.process.pid:
                return False
    return True
