"""A real service with real models: every preset, and two that were fitted on bare arrays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import FIXTURES, register, run
from tests.integration.server import Service, serving

PRESETS = ("iris", "students", "diabetes", "digits")
ARRAYS = ("pair", "truth")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with `PRESETS` and `ARRAYS`. Read only."""
    folder = tmp_path_factory.mktemp("conformance")
    run("-m", "models", "train", *PRESETS, "--store", folder / "store")
    run(FIXTURES / "make_models.py", folder)
    for name in ARRAYS:
        register(folder / "store", folder, name)
    return folder / "store"


@pytest.fixture(scope="session")
def service(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the service, with two workers."""
    with serving(store, tmp_path_factory.mktemp("service"), "--workers", "2") as running:
        yield running
