"""A real service for real clients, and the models that it serves, loaded here as well."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from tests.integration.conftest import run
from tests.integration.server import Service, serving

TOKEN = "a token for tests"
Load = Callable[[str], Any]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with sample models. Read only."""
    folder = tmp_path_factory.mktemp("clients") / "store"
    run("-m", "models", "train", "iris", "students", "diabetes", "digits", "--store", folder)
    return folder


@pytest.fixture(scope="session")
def service(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run the service, with two workers, an admin token, a model by default, and gRPC."""
    env = {"PERCORE_ADMIN_TOKEN": TOKEN}
    folder = tmp_path_factory.mktemp("service")
    flags = ["--workers=2", "--default-model=students", "--grpc-port=0"]
    with serving(store, folder, *flags, env=env) as running:
        yield running


@pytest.fixture(scope="session")
def fitted(store: Path) -> Load:
    """Return a function that loads a model by its name, as anybody with joblib would."""
    return lambda name: joblib.load(store / name / "1" / "model.joblib")


@pytest.fixture(scope="session")
def url(service: Service) -> str:
    host, port = service.address
    return f"http://{host}:{port}"


@pytest.fixture(scope="session")
def grpc_address(service: Service) -> str:
    (said,) = [event for event in service.events() if event["event"] == "listening_grpc"]
    return f"127.0.0.1:{said['port']}"
