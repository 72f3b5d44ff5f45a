"""Start-up says what is wrong, and SIGTERM under load loses nothing."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes.replica import ROOT, Replica, launch, running
from tests.processes.test_workers import Client

pytestmark = pytest.mark.integration


def test_sigterm_finishes_what_was_accepted(replica: Replica) -> None:
    clients = [Client(replica) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    assert replica.stop() == 0
    for client in clients:
        client.stop.set()
        client.join(30)
        assert set(client.statuses) == {200}
        assert client.wrong == 0
        # after its last answer a connection may be closed or refused, never cut in an answer
        assert not isinstance(client.failure, TimeoutError)


def test_an_empty_store_is_an_error_with_its_own_code(tmp_path: Path) -> None:
    process = launch(tmp_path / "nothing", tmp_path / "log")
    assert process.wait(30) == 3
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    reason = next(event["reason"] for event in events if event["event"] == "nothing_to_serve")
    assert "python -m models train" in reason


def test_a_port_in_use_is_an_error(store: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = launch(store, tmp_path / "log", "--port", str(taken.getsockname()[1]))
        assert process.wait(30) == 1
    assert "Address already in use" in (tmp_path / "log").read_text()


def test_a_wrong_flag_is_a_usage_error() -> None:
    for flags in (["--workers", "many"], ["--no-such-flag", "1"], ["--port", "70000"]):
        command = [sys.executable, "-m", "service", *flags]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
        assert done.returncode == 2
        assert flags[0].encode() in done.stderr


def test_help_has_an_example() -> None:
    command = [sys.executable, "-m", "service", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=True, text=True)
    assert "python -m service --store store --port 8000" in done.stdout
    assert "--max-body-bytes" in done.stdout


def test_liveness_answers_while_models_load(store: Path, tmp_path: Path) -> None:
    """A slow start must not look like a dead process."""
    with running(store, tmp_path, "--workers", "1") as replica:
        events = [event["event"] for event in replica.events()]
        assert events.index("listening") < events.index("serving")
        assert replica.ask("GET", "/health/live") == (200, {"live": True})


def test_a_second_signal_hurries(replica: Replica) -> None:
    replica.process.send_signal(signal.SIGTERM)
    assert replica.stop(signal.SIGINT) == 0
