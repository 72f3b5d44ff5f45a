"""Replicas whose deadlines are short, and a test process that may open many connections."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

from tests.processes.odd_models import Sleepy
from tests.processes.replica import ROOT, Replica, running

FILES = 4096
ROWS = [[1.0, 2.0], [3.0, 4.0], [0.1, 0.2]]


@pytest.fixture(scope="session", autouse=True)
def many_files() -> Iterator[None]:
    """Let this process open as many files as the tests' clients need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with iris and a model that sleeps."""
    folder = tmp_path_factory.mktemp("edge")
    run("train", "iris", "--store", folder / "store")
    joblib.dump(Sleepy().fit(ROWS), folder / "sleepy.joblib")
    (folder / "rows.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in ROWS))
    run("register", folder / "sleepy.joblib", "--name", "sleepy", "--sample", folder / "rows.csv",
        "--store", folder / "store")  # fmt: skip
    return folder / "store"


def run(*arguments: object) -> None:
    command = [sys.executable, "-m", "models", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="session")
def tight(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """Run a replica with one worker, small limits and short deadlines."""
    flags = [
        "--workers=1", "--header-timeout-s=1", "--body-timeout-s=1", "--write-timeout-s=1.5",
        "--keep-alive-s=2", "--max-body-bytes=2000000",
    ]  # fmt: skip
    with running(shelf, tmp_path_factory.mktemp("tight"), *flags) as replica:
        yield replica
        assert complaints(replica) == []


@pytest.fixture(scope="session")
def plain(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """Run a replica with two workers and the settings as they are."""
    with running(shelf, tmp_path_factory.mktemp("plain"), "--workers=2") as replica:
        yield replica
        assert complaints(replica) == []


def complaints(replica: Replica) -> list[object]:
    """Return the log's lines that are more than news."""
    return [event for event in replica.events() if event["level"] not in {"info", "debug"}]
