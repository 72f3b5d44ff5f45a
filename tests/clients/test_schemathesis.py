"""Thousands of requests that schemathesis makes up from our own OpenAPI page."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.replica import ROOT, Replica, running

pytestmark = pytest.mark.integration
CASES = 25
"""For each path and phase; the whole run makes some thousands."""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "response_headers_conformance", "unsupported_method",
)  # fmt: skip
"""Not that every request is taken that fits the page: JSON Schema cannot say that columns have the
same length, or that a text is base64."""


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("schemathesis")
    train = [sys.executable, "-m", "models", "train", "--all", "--store", str(folder / "store")]
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True, timeout=200)
    with running(folder / "store", folder) as started:
        yield started


def test_no_request_has_an_answer_that_the_page_does_not_know(
    replica: Replica, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    command += [f"http://127.0.0.1:{replica.port}/openapi.json", "--checks", ",".join(CHECKS)]
    command += ["--max-examples", str(CASES), "--seed", "1", "--request-timeout", "10"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "generated" in done.stdout, done.stdout[-2000:]
    errors = [event for event in replica.events() if event["event"] == "defect"]
    assert not errors, errors[:1]
