"""The suite judges MLServer as docs/conformance.md lists it."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.clients.outside import ROOT, program, run
from tests.conformance.run import run_table
from tests.conformance.subject import Subject

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

START_S = 300.0
FIT = """
import joblib, sys
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), sys.argv[1])
"""
MODEL = {
    "name": "iris",
    "versions": ["1"],
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "./model.joblib", "version": "1"},
    "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 4]}],
    "outputs": [{"name": "predict", "datatype": "INT64", "shape": [-1, 1]}],
}


def free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run MLServer with one model; give its address."""
    folder = tmp_path_factory.mktemp("mlserver")
    run(program("mlserver"), "-c", FIT, folder / "model.joblib")
    names = ("http_port", "grpc_port", "metrics_port")
    ports = dict(zip(names, free_ports(3), strict=True))
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, **ports}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(MODEL))
    address = f"http://127.0.0.1:{ports['http_port']}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("mlserver", "mlserver"), "start", "."],
            cwd=folder, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        wait_ready(f"{address}/v2/models/iris/ready", process, folder / "log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()


def wait_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


def test_mlserver_is_judged_as_the_page_says(mlserver: str) -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\w+: .+?) \| (differs|failed) \|", page, re.MULTILINE))
    outcomes = list(run_table(Subject(mlserver, "iris")))
    found = {f"{case.section}: {case.name}": verdict for case, verdict, _ in outcomes}
    assert {name: one for name, one in found.items() if one in {"differs", "failed"}} == listed
    counts = Counter(found.values())
    assert f"{counts['passed']} passed, {counts['not asked']} not asked" in page
    assert f"{len(outcomes)} questions" in page
