"""A forest is in memory once, however many workers there are, and after real work too."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from tests.processes.replica import (
    ROOT,
    Replica,
    alive,
    children,
    comm,
    pss_bytes,
    running,
    wait_for,
)

pytestmark = pytest.mark.integration
WORKERS = 4
CLIENTS = 8
ROWS_A_WORKER = 10_000
ROWS_A_REQUEST = 500
FOREST_BYTES = 300 * 2**20
API_BYTES = 80 * 2**20
LARGEST_RATIO = 1.15
OWN_BYTES = 2 * 2**20
"""A worker writes on so much before its first batch, at the most."""


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Register a forest that takes more than 300 MB: random labels make its trees deep."""
    folder = tmp_path_factory.mktemp("forest")
    chance = np.random.default_rng(0)
    X = chance.normal(size=(30_000, 5))
    y = chance.integers(0, 10, size=len(X))
    model = ExtraTreesClassifier(36, max_features=1, random_state=0, n_jobs=-1).fit(X, y)
    assert sum(tree.tree_.__getstate__()["values"].nbytes for tree in model) > FOREST_BYTES / 2
    joblib.dump(model, folder / "model.joblib")
    np.savetxt(folder / "rows.csv", X[:20], delimiter=",", header="a,b,c,d,e", comments="")
    command = [sys.executable, "-m", "models", "register", str(folder / "model.joblib")]
    command += ["--name", "forest", "--sample", str(folder / "rows.csv")]
    command += ["--store", str(folder / "store")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=200)
    return folder / "store"


def predict_much(replica: Replica, rows: int) -> None:
    chance = np.random.default_rng(1)
    connection = replica.connect()
    for _ in range(rows // ROWS_A_REQUEST):
        body = json.dumps({"instances": chance.normal(size=(ROWS_A_REQUEST, 5)).tolist()})
        connection.request("POST", "/v1/models/forest:predict?probabilities=true", body)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        assert len(json.loads(response.read())["predictions"]) == ROWS_A_REQUEST
    connection.close()


def test_the_forest_is_in_memory_once(forest: Path, tmp_path: Path) -> None:
    with running(forest, tmp_path, "--workers", "1") as lone:
        # Alone after its workers have ended: what loading takes, without sharing.
        os.kill(lone.process.pid, signal.SIGSTOP)  # so that it has nobody replaced
        workers = [pid for pid in children(lone.process.pid) if comm(pid).startswith("percore-w")]
        assert len(workers) == 2  # with the spare
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(map(alive, workers)))
        # The standby is a fork that has touched nothing: what the two share is counted half each.
        alone = sum(pss_bytes(pid) for pid in children(lone.process.pid))
        os.kill(lone.process.pid, signal.SIGCONT)
    assert alone > FOREST_BYTES
    with running(forest, tmp_path, "--workers", str(WORKERS)) as replica:
        before = replica.workers()["pids"]
        # twice as many clients as workers keep every worker busy, so that each does its share
        share = int(1.3 * ROWS_A_WORKER * WORKERS / CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(predict_much, [replica] * CLIENTS, [share] * CLIENTS))
        family = [replica.process.pid, *children(replica.process.pid)]
        sizes = {f"{comm(pid)} {pid}": pss_bytes(pid) for pid in family}
        assert replica.workers()["pids"] == before
        print(json.dumps({"loader_alone": alone, "together": sum(sizes.values()), **sizes}))
        assert sum(sizes.values()) <= LARGEST_RATIO * alone + API_BYTES, (alone, sizes)


def test_several_api_processes_share_it_too(forest: Path, tmp_path: Path) -> None:
    with running(forest, tmp_path, "--api-processes", "2", "--workers", "2") as replica:
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(predict_much, [replica] * 4, [ROWS_A_WORKER // 4] * 4))
        family = [replica.process.pid, *children(replica.process.pid)]
        sizes = {f"{comm(pid)} {pid}": pss_bytes(pid) for pid in family}
        alone = max(rss_bytes(pid) for pid in family if comm(pid) == "percore-loader")
    forked = sum(size for name, size in sizes.items() if name.startswith("percore-"))
    print(json.dumps({"loader": alone, "together": sum(sizes.values()), **sizes}))
    assert alone > FOREST_BYTES
    # the common loader, its standby, and of each process a loader, a worker and a spare
    assert len(sizes) == 3 + 2 + 2 * 3
    assert forked <= LARGEST_RATIO * alone, sizes
    assert sum(sizes.values()) - forked <= 3 * API_BYTES, sizes


def test_a_worker_that_waits_has_hardly_a_page_of_its_own(forest: Path, tmp_path: Path) -> None:
    with running(forest, tmp_path, "--workers", "1") as replica:
        own = {
            comm(pid): rollup_bytes(pid, "Private_Dirty") for pid in children(replica.process.pid)
        }
    print(json.dumps(own))
    spares = [size for name, size in own.items() if name.startswith("percore-w")]
    assert len(spares) == 2
    # The standby has forked, too, and done nothing.
    assert max(spares) < own["percore-standby"] + OWN_BYTES, own


def rss_bytes(pid: int) -> int:
    """Return the resident set size: shared pages count wholly."""
    return rollup_bytes(pid, "Rss")


def rollup_bytes(pid: int, field: str) -> int:
    """Return a sum over all of a process's memory."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")
