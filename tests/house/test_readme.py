"""Every request in the README is sent, and every answer it shows is the answer that comes."""

import http.client
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.replica import Replica, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```console\n\$ (curl .+)\n(.+)\n```", README)
VOLATILE = {"request_id"}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = tmp_path_factory.mktemp("readme")
    train = [sys.executable, "-m", "models", "train", "--all", "--store", str(folder / "store")]
    as_make_run = {key: value for key, value in os.environ.items() if key != "PERCORE_PLAN"}
    subprocess.run(train, cwd=ROOT, check=True, capture_output=True, timeout=600, env=as_make_run)
    with running(folder / "store", folder) as started:
        yield started


def send(port: int, command: str) -> Any:
    """Do what a curl command of the README says."""
    words = shlex.split(command)[1:]
    headers, body, url = {"Content-Type": "application/x-www-form-urlencoded"}, b"", ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word in {"-d", "--data-binary"}:
            data = words.pop(0)
            body = (ROOT / data[1:]).read_bytes() if data.startswith("@") else data.encode()
        elif word != "-s":
            url = word
    host, _, path = url.partition("/")
    assert host == "localhost:8000"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/" + path, body, headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def blurred(value: Any) -> Any:
    """Leave out what differs from machine to machine: last digits of floats, request ids."""
    if isinstance(value, dict):
        return {key: blurred(one) for key, one in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [blurred(one) for one in value]
    return float if isinstance(value, float) else value


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == README.count("\n$ curl")
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=[one for one, _ in EXAMPLES])
def test_the_answer_is_the_one_that_comes(replica: Replica, command: str, answer: str) -> None:
    assert blurred(send(replica.port, command)) == blurred(json.loads(answer))


def test_the_shown_commands_exist() -> None:
    """Each `python -m` line of the README names a command whose help answers."""
    lines = set(re.findall(r"python -m ((?:models|loadtest) \w+|service)", README))
    assert len(lines) >= 7
    for line in sorted(lines):
        command = [sys.executable, "-m", *line.split(), "--help"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, timeout=300, check=False, env=os.environ
        )
        assert done.returncode == 0, line
