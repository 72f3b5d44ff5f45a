"""Thousands of requests that schemathesis makes up from our own OpenAPI page, under all its checks.

`make schemathesis` asks for more of them, of more models, and for answers within a second.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.replica import ROOT, Replica, running

IS_FULL = os.environ.get("SCHEMATHESIS") == "full"
LIMIT_S = 1800 if IS_FULL else 280
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(LIMIT_S + 20)]


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("schemathesis")
    models = ["--all"] if IS_FULL else ["iris", "students", "digits"]
    train = [sys.executable, "-m", "models", "train", *models, "--store", str(folder / "store")]
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True, timeout=200)
    with running(folder / "store", folder, "--default-model", "iris") as started:
        yield started


def test_every_answer_is_as_the_page_says(replica: Replica, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'hooks = "{HOOKS}"\n')
    url = f"http://127.0.0.1:{replica.port}/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", url]
    command += ["--checks", "all", "--request-timeout", "10"]
    if IS_FULL:
        command += ["--max-examples", "150", "--max-response-time", "1"]
    else:
        command += ["--max-examples", "5", "--seed", "1", "--no-shrink"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-8000:]
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None
    assert int(cases[1]) > (10_000 if IS_FULL else 3_000)
    errors = [event for event in replica.events() if event["event"] == "defect"]
    assert not errors, errors[:1]
