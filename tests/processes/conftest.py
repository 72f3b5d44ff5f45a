"""A store with real models, trained once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.replica import ROOT, Replica, running


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes") / "store"
    command = [sys.executable, "-m", "models", "train", "iris", "students", "--store", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture
def replica(store: Path, tmp_path: Path) -> Iterator[Replica]:
    with running(store, tmp_path, "--workers", "2") as started:
        yield started
