"""Fixtures of the load test's tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def iris_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the iris model, trained by the command that a newcomer types."""
    store = tmp_path_factory.mktemp("loadtest") / "store"
    command = [sys.executable, "-m", "models", "train", "iris", "--store", str(store)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=240, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    return store
