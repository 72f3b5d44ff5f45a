"""One store with every preset, one running service, one reference process a session."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.json_schema import Schema
from tests.integration.rows import Reference
from tests.integration.server import FEW, ROOT, Service, serving
from tests.integration.wire import Address, get

TRAIN_S = 300
STRANGERS = ("slow", "mixed", "pair", "truth")
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with version 1 of every preset. Read only."""
    store = tmp_path_factory.mktemp("trained") / "store"
    run("-m", "models", "train", "--all", "--store", store)
    return store


@pytest.fixture(scope="session")
def service(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the service that all tests share, with two workers."""
    with serving(trained, tmp_path_factory.mktemp("service"), "--workers", "2") as running:
        yield running


@pytest.fixture(scope="session")
def address(service: Service) -> Address:
    return service.address


@pytest.fixture
def same_workers(service: Service) -> Iterator[tuple[int, ...]]:
    """Give the workers' pids; after the test they must be the same processes."""
    before = service.workers()
    assert len(before) == 2
    yield before
    assert service.workers() == before


@pytest.fixture(scope="session")
def reference(trained: Path) -> Iterator[Reference]:
    """Answer as plain scikit-learn does, in a process of its own."""
    with answering(trained) as predict:
        yield predict


@pytest.fixture(scope="session")
def strange_reference(strange_store: Path) -> Iterator[Reference]:
    """Answer for the models of the strange store."""
    with answering(strange_store) as predict:
        yield predict


@contextmanager
def answering(store: Path) -> Iterator[Reference]:
    command = [sys.executable, "-m", "tests.integration.reference", str(store)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines_in, lines_out = process.stdin, process.stdout

        def predict(model: str, instances: list[Any], version: int = 1) -> dict[str, Any]:
            question = {"model": model, "version": version, "instances": instances}
            lines_in.write(json.dumps(question) + "\n")
            lines_in.flush()
            answer: dict[str, Any] = json.loads(lines_out.readline())
            return answer

        yield predict
        lines_in.close()
        assert process.wait(30) == 0


@pytest.fixture(scope="session")
def strange_store(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the store with more in it: versions of iris, and `STRANGERS`.

    iris 2 is breast_cancer's model and carries the alias "shadow"; iris 3 carries none. Their
    folders are copies: what `python -m models` publishes is tested with the models.
    """
    folder = tmp_path_factory.mktemp("strange")
    store = folder / "store"
    shutil.copytree(trained, store)
    copy_version(store, ("breast_cancer", 1), ("iris", 2))
    copy_version(store, ("iris", 1), ("iris", 3))
    (store / "iris" / "aliases.json").write_text('{"production": 1, "shadow": 2}')
    run(FIXTURES / "make_models.py", folder)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: register(store, folder, name), STRANGERS))
    return store


def register(store: Path, folder: Path, name: str) -> None:
    artefact, sample = folder / f"{name}.joblib", folder / f"{name}.parquet"
    run("-m", "models", "register", artefact, "--name", name, "--sample", sample,
        "--store", store)  # fmt: skip


def copy_version(store: Path, source: tuple[str, int], target: tuple[str, int]) -> None:
    folder = store / target[0] / str(target[1])
    shutil.copytree(store / source[0] / str(source[1]), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"name": target[0], "version": target[1]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def run(*arguments: object) -> None:
    """Run Python to its end, with the slow model's module in its path."""
    command = [sys.executable, *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(FIXTURES)}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=TRAIN_S, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def strict(strange_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service with one worker, small limits and few log lines."""
    flags = [
        FEW, "--max-body-bytes=100000", "--max-rows=50", "--max-image-pixels=10000",
        "--aliases=shadow", "--access-log-per-s=5",
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("strict")
    env = {"PYTHONPATH": str(FIXTURES)}
    with serving(strange_store, folder, *flags, env=env) as running:
        yield running


@pytest.fixture(scope="session")
def document(address: Address) -> Schema:
    """Return the API's page as every test's service shows it."""
    page: Schema = get(address, "/openapi.json").json()
    return page


@pytest.fixture(scope="session")
def strict_document(strict: Service) -> Schema:
    """Return the API's page of a model with two versions."""
    page: Schema = get(strict.address, "/openapi.json").json()
    return page
