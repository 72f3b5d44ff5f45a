"""One store with every preset, one running service, one reference process a session."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.rows import Reference
from tests.integration.server import ROOT, Service, serving
from tests.integration.wire import Address

TRAIN_S = 180


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with version 1 of every preset. Read only."""
    store = tmp_path_factory.mktemp("trained") / "store"
    command = [sys.executable, "-m", "models", "train", "--all", "--store", str(store)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=TRAIN_S, check=False
    )
    assert done.returncode == 0, done.stderr
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
    command = [sys.executable, "-m", "tests.integration.reference", str(trained)]
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
