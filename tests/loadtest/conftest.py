"""Fixtures of the load test's tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.loadtest.shelf import put_classifier


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


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a store and with a `service` that stands in for the real one."""
    put_classifier(tmp_path / "store")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("fake_service.py"), tmp_path / "service" / "__main__.py")
    return tmp_path
