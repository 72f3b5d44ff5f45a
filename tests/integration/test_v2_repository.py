"""Loading and unloading over V2: what the store has, and nothing else, under traffic."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import copy_version
from tests.integration.server import FEW, Service, serving
from tests.integration.wire import Connection, Reply, get, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ADMIN = {"Authorization": "Bearer a token for tests"}
FLOWER = {
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}]
}


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Path:
    """Return a store with iris alone, which a test may change."""
    shutil.copytree(trained / "iris", tmp_path / "store" / "iris")
    return tmp_path / "store"


@pytest.fixture
def service(store: Path, tmp_path: Path) -> Iterator[Service]:
    """Run a service that looks at its store only when it is told to."""
    env = {"PERCORE_ADMIN_TOKEN": "a token for tests"}
    with serving(
        store, tmp_path, "--workers=2", "--watch-store-s=0", "--drain-delay-s=0", env=env
    ) as running:
        yield running


def change(service: Service, model: str, what: str, body: Any = b"") -> Reply:
    return post(service.address, f"/v2/repository/models/{model}/{what}", body, ADMIN)


def states(service: Service) -> dict[tuple[str, str], tuple[str, str]]:
    index = post(service.address, "/v2/repository/index", b"").json()
    return {(one["name"], one["version"]): (one["state"], one["reason"]) for one in index}


def test_a_model_that_is_new_in_the_store(service: Service, store: Path, trained: Path) -> None:
    assert get(service.address, "/v2/models/diabetes").status == 404
    shutil.copytree(trained / "diabetes", store / "diabetes")
    assert ("diabetes", "1") not in states(service)
    reply = change(service, "diabetes", "load")
    assert (reply.status, reply.body) == (200, b"")
    assert states(service)["diabetes", "1"] == ("READY", "")
    assert get(service.address, "/v2/models/diabetes/ready").json()["ready"] is True


def test_a_version_that_is_refused(service: Service, store: Path) -> None:
    copy_version(store, ("iris", 1), ("iris", 2))
    (store / "iris" / "2" / "model.joblib").write_bytes(b"broken")
    (store / "iris" / "aliases.json").write_text('{"production": 2, "previous": 1}')
    reply = change(service, "iris", "load")
    assert reply.status == 400
    assert reply.json().keys() == {"error"}
    assert "iris could not be loaded" in reply.json()["error"]
    assert str(store) not in reply.json()["error"]
    state, reason = states(service)["iris", "2"]
    assert (state, bool(reason)) == ("UNAVAILABLE", True)
    answer = post(service.address, "/v2/models/iris/infer", FLOWER).json()
    assert answer["model_version"] == "1"


def test_the_other_models_answer_while_one_is_loaded_and_unloaded(
    service: Service, store: Path, trained: Path
) -> None:
    shutil.copytree(trained / "diabetes", store / "diabetes")
    stop = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        body = json.dumps(FLOWER).encode()
        with Connection(service.address) as connection:
            while not stop.is_set():
                answers.append(connection.ask("POST", "/v2/models/iris/infer", body).status)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(3):
            assert change(service, "diabetes", "load").status == 200
            assert get(service.address, "/v2/models/diabetes").status == 200
            body = {"parameters": {"unload_dependents": False}}
            assert change(service, "diabetes", "unload", body).status == 200
            assert get(service.address, "/v2/models/diabetes").status == 404
            assert states(service)["diabetes", "1"] == ("UNAVAILABLE", "unloaded")
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert len(answers) > 10
    assert set(answers) == {200}


def test_the_last_model_can_go_and_come_back(service: Service) -> None:
    for _ in range(2):
        assert change(service, "iris", "unload").status == 200
        reply = post(service.address, "/v2/models/iris/infer", FLOWER)
        assert reply.status == 404
        assert reply.json().keys() == {"error"}
        assert post(service.address, "/v2/repository/index", {"ready": True}).json() == []
        assert change(service, "iris", "load").status == 200
        assert post(service.address, "/v2/models/iris/infer", FLOWER).status == 200


@pytest.fixture(scope="module")
def unchanged(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service with a token, for tests that change nothing."""
    env = {"PERCORE_ADMIN_TOKEN": "a token for tests"}
    folder = tmp_path_factory.mktemp("unchanged")
    with serving(trained, folder, FEW, "--drain-delay-s=0", env=env) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("models/iris/load", b"", {}, 401),
        ("models/iris/load", b"", {"Authorization": "a token for tests, or so"}, 401),
        ("models/iris/unload", b"", {"Authorization": "Bearer "}, 401),
        ("models/tulip/load", b"", ADMIN, 404),
        ("models/tulip/unload", b"", ADMIN, 404),
        ("models/iris/load", b"{", ADMIN, 400),
        ("models/iris/load", b"[]", ADMIN, 400),
        ("models/iris/load", {"parameters": {"file:1/model.joblib": "gASVAAAA"}}, ADMIN, 400),
        ("models/iris/reload", b"", ADMIN, 404),
        ("index", b"{", {}, 400),
        ("index", b"[]", {}, 400),
        ("index", b'{"ready": 1}', {}, 400),
    ],
)
def test_refusals(
    unchanged: Service, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    reply = post(unchanged.address, f"/v2/repository/{path}", body, headers)
    assert reply.status == status
    assert reply.json().keys() == {"error"}
    assert post(unchanged.address, "/v2/models/iris/infer", FLOWER).status == 200
