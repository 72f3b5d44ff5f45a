"""A model that misbehaves harms nobody but its own request, and is refused if it always does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.ensemble import RandomForestClassifier, VotingClassifier

from models.errors import ArtefactError
from models.store import Store
from service.inference.artefact import load_estimator
from tests.processes import odd_models
from tests.processes.odd_models import Killer, Moody, Picky, Plain, Sleepy, Suicide, Threaded
from tests.processes.replica import (
    ROOT,
    Replica,
    alive,
    children,
    launch,
    running,
    wait_for,
)

pytestmark = pytest.mark.integration
ROWS = [[1.0, 2.0], [3.0, 4.0], [0.1, 0.2]]


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of all odd models but the one that cannot be served at all."""
    folder = tmp_path_factory.mktemp("odd")
    for model in (Killer(), Moody(), Picky(), Sleepy(), Suicide()):
        register(folder, model)
    return folder / "store"


def register(folder: Path, model: Plain) -> None:
    """Register a model as a user would, under its class's name."""
    joblib.dump(model.fit(ROWS), folder / "model.joblib")
    lines = ["a,b", *(",".join(map(str, row)) for row in ROWS)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    register_file(folder, type(model).__name__.lower())


def register_file(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", "models", "register", str(folder / "model.joblib")]
    command += ["--name", name, "--sample", str(folder / "rows.csv")]
    command += ["--store", str(folder / "store")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, timeout=60, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def ask(replica: Replica, name: str, *rows: list[float]) -> tuple[int, Any]:
    return replica.predict(name, list(rows))


def test_a_request_that_breaks_the_model_fails_alone(odd: Path, tmp_path: Path) -> None:
    with running(odd, tmp_path, "--workers", "1") as replica:
        answers: dict[float, tuple[int, Any]] = {}

        def client(value: float) -> None:
            answers[value] = ask(replica, "picky", [value, 0.0])

        threads = [threading.Thread(target=client, args=(float(i),)) for i in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        status, body = answers.pop(13.0)
        assert (status, body["code"]) == (500, "model_failed")
        assert "secret" not in str(body)
        assert {value: body["predictions"] for value, (_, body) in answers.items()} == {
            value: [value] for value in answers
        }
        assert replica.workers()["restarts"] == 0


@pytest.mark.parametrize("name", ["killer", "suicide"])
def test_an_input_that_kills_is_stopped_after_two_deaths(
    odd: Path, tmp_path: Path, name: str
) -> None:
    with running(odd, tmp_path, "--workers", "2") as replica:
        status, body = ask(replica, name, [666.0, 0.0])
        assert (status, body["code"]) == (500, "poison_input")
        assert replica.workers()["restarts"] == 2
        wait_for(lambda: replica.workers()["ready"] == 2)
        assert ask(replica, name, [1.0, 2.0])[1]["predictions"] == [3.0]


def test_the_quarantine_outlives_a_swap(odd: Path, tmp_path: Path) -> None:
    with running(odd, tmp_path, "--workers", "1") as replica:
        assert ask(replica, "killer", [666.0, 0.0])[1]["code"] == "poison_input"
        os.kill(replica.loader(), signal.SIGKILL)  # a new generation is built then
        wait_for(lambda: "percore_swaps_total 1.0" in replica.metrics())
        restarts = replica.workers()["restarts"]
        assert ask(replica, "killer", [666.0, 0.0])[1]["code"] == "poison_input"
        assert replica.workers()["restarts"] == restarts


def test_a_request_whose_workers_are_killed_again_and_again_is_answered(
    odd: Path, tmp_path: Path
) -> None:
    with running(odd, tmp_path, "--workers", "1") as replica:
        answers: list[tuple[int, Any]] = []
        client = threading.Thread(
            target=lambda: answers.append(ask(replica, "sleepy", [11.0, 0.5]))
        )
        client.start()
        for kills in range(3):
            wait_for(lambda: replica.workers()["busy"] == 1)
            (worker,) = replica.workers()["pids"]
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: replica.workers()["restarts"] > kills)  # noqa: B023
        client.join(30)
        assert answers[0][0] == 200
        assert answers[0][1]["predictions"] == [11.5]


def test_a_batch_that_hangs_ends_its_worker_and_is_tried_again(odd: Path, tmp_path: Path) -> None:
    flags = ("--workers", "2", "--hang-limit-s", "0.5")
    with running(odd, tmp_path, *flags) as replica:
        status, body = ask(replica, "sleepy", [35.0, 0.0])
        assert (status, body["code"]) == (500, "poison_input")
        assert ask(replica, "sleepy", [0.0, 0.1])[1]["predictions"] == [0.1]


def test_a_request_whose_time_is_over_is_told_so(odd: Path, tmp_path: Path) -> None:
    with running(odd, tmp_path, "--request-timeout-s", "0.3") as replica:
        status, body = ask(replica, "sleepy", [12.0, 0.0])
        assert (status, body["code"]) == (504, "deadline_exceeded")
        assert replica.workers()["restarts"] == 0


def test_a_worker_that_is_killed_costs_its_client_nothing(odd: Path, tmp_path: Path) -> None:
    with running(odd, tmp_path, "--workers", "1") as replica:
        answers: list[tuple[int, Any]] = []
        client = threading.Thread(
            target=lambda: answers.append(ask(replica, "sleepy", [11.0, 0.5]))
        )
        client.start()
        wait_for(lambda: replica.workers()["busy"] == 1)
        (worker,) = replica.workers()["pids"]
        os.kill(worker, signal.SIGKILL)
        client.join(30)
        assert answers[0][0] == 200
        assert answers[0][1]["predictions"] == [11.5]
        assert replica.workers()["restarts"] == 1


def test_a_loader_with_a_thread_does_not_fork(tmp_path: Path) -> None:
    register(tmp_path, Threaded())
    process = launch(tmp_path / "store", tmp_path / "log", "--start-method", "fork")
    assert process.wait(60) == 3
    assert "threads: a model started them" in (tmp_path / "log").read_text()


def test_a_model_that_insists_on_threads_gets_spawned_workers(tmp_path: Path) -> None:
    register(tmp_path, Threaded())
    with running(tmp_path / "store", tmp_path, "--workers", "2") as replica:
        status, body = replica.ask("GET", "/v1/models")
        assert status == 200
        assert (body["start_method"], body["models_in_memory"]) == ("spawn", "once in each worker")
        assert ask(replica, "threaded", [1.0, 2.0])[1]["predictions"] == [3.0]
        for pid in replica.workers()["pids"]:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: replica.workers()["restarts"] == 2 and replica.workers()["ready"] == 2)
        assert ask(replica, "threaded", [1.0, 2.0])[1]["predictions"] == [3.0]
        family = children(replica.process.pid)
        assert len(family) == 2
        assert replica.stop() == 0
        assert not any(alive(pid) for pid in family)


def test_other_answers_on_golden_rows_are_refused(odd: Path, tmp_path: Path) -> None:
    process = launch(odd, tmp_path / "log", env={"PERCORE_TEST_MOOD": "1"})
    try:
        wait_for(lambda: '"ready"' in (tmp_path / "log").read_text())
        text = (tmp_path / "log").read_text()
        assert "golden row 0: prediction 4.0 instead of 3.0" in text
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_tampered_artefact_is_not_loaded(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    artefact = copy / "students" / "1" / "model.joblib"
    data = bytearray(artefact.read_bytes())
    data[len(data) // 2] ^= 1
    artefact.write_bytes(data)
    process = launch(copy, tmp_path / "log", "--port", "0")
    try:
        wait_for(lambda: '"ready"' in (tmp_path / "log").read_text())
        assert "was changed after it was published" in (tmp_path / "log").read_text()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_model_that_cannot_be_prepared_takes_no_other_with_it(odd: Path, tmp_path: Path) -> None:
    """Its manifest promises labels that no answer can carry, as an earlier version let pass."""
    register_labels(tmp_path)
    path = tmp_path / "store" / "labels" / "1" / "manifest.json"
    text = path.read_text()
    assert '"classes":[0,1]' in text.replace(" ", "").replace("\n", "")
    manifest = json.loads(text)
    manifest["output"]["classes"] = [0, 2**64 - 1]
    path.write_text(json.dumps(manifest))
    shutil.copytree(odd / "picky", tmp_path / "store" / "picky")
    log = tmp_path / "log"
    process = launch(tmp_path / "store", log, "--workers", "1")
    try:
        wait_for(lambda: '"ready"' in log.read_text() or process.poll() is not None)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        port = next(event["port"] for event in events if event["event"] == "listening")
        assert ask(Replica(port, process, log), "picky", [1.0, 2.0])[0] == 200
        refused = [event for event in events if event["event"] == "model_refused"]
        assert [event["model"] for event in refused] == ["labels"]
        assert "it cannot be prepared: OverflowError" in refused[0]["reason"]
    finally:
        process.terminate()
        assert process.wait(30) == 0


def register_labels(folder: Path) -> None:
    """Register a classifier of 0 and 1 under the name labels."""
    joblib.dump(RandomForestClassifier(2).fit(ROWS, [0, 1, 0]), folder / "model.joblib")
    lines = ["a,b", *(",".join(map(str, row)) for row in ROWS)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    register_file(folder, "labels")


def test_another_version_of_scikit_learn_is_refused(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store / "iris", copy / "iris")
    path = copy / "iris" / "1" / "manifest.json"
    text = path.read_text()
    assert '"scikit-learn": "' in text
    head, _, tail = text.partition('"scikit-learn": "')
    path.write_text(head + '"scikit-learn": "0.1' + tail[tail.index('"') :])
    process = launch(copy, tmp_path / "log")
    assert process.wait(60) == 3
    assert "it was fitted with scikit-learn 0.1" in (tmp_path / "log").read_text()


def test_why_code_cannot_be_found_is_told_without_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients read the reason, too; the operator is told what helps."""
    register(tmp_path, Plain())
    store = Store(tmp_path / "store")
    monkeypatch.delattr(odd_models, "Plain")
    with pytest.raises(ArtefactError, match=r"attribute 'Plain'.* from 'odd_models\.py'") as caught:
        load_estimator(store, store.manifest("plain", 1))
    assert "/" not in str(caught.value)
    assert "start the service again" in str(caught.value)


def test_no_nested_estimator_keeps_its_own_jobs(tmp_path: Path) -> None:
    """A Voting child that was fitted with n_jobs=-1 would start threads in every worker."""
    forest = RandomForestClassifier(4, n_jobs=-1, random_state=0)
    model = VotingClassifier([("forest", forest), ("other", forest)], voting="soft", n_jobs=2)
    model.fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    assert model.estimators_[0].n_jobs == -1
    joblib.dump(model, tmp_path / "model.joblib")
    (tmp_path / "rows.csv").write_text("a\n0.0\n1.0\n")
    register_file(tmp_path, "voting")
    store = Store(tmp_path / "store")
    loaded = load_estimator(store, store.manifest("voting", 1))
    everyone = [loaded, *loaded.estimators_, *(one for _, one in loaded.estimators)]
    assert [one.n_jobs for one in everyone] == [1] * 5
