"""A real replica in its own process, and a client on a raw connection that never retries."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_LIMIT_S = 300.0
STOP_LIMIT_S = 30.0
ROOT = Path(__file__).parents[2]


class Replica:
    """A started service.

    Attributes:
        port: where it listens.
        process: its API process.
        log: the file that holds what it wrote to standard error.
    """

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port = port
        self.process = process
        self.log = log

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = self.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def predict(self, model: str, rows: list[Any]) -> tuple[int, Any]:
        return self.ask("POST", f"/v1/models/{model}:predict", {"instances": rows})

    def is_ready(self) -> bool:
        return self.ask("GET", "/health/ready")[0] == 200

    def workers(self) -> dict[str, Any]:
        status, body = self.ask("GET", "/v1/models")
        assert status == 200
        workers: dict[str, Any] = body["workers"]
        return workers

    def metrics(self) -> str:
        connection = self.connect()
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def loader(self, name: str = "percore-loader") -> int:
        (pid,) = [pid for pid in children(self.process.pid) if comm(pid) == name]
        return pid

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT_S)


@contextmanager
def running(
    store: Path, folder: Path, *flags: str, env: dict[str, str] | None = None
) -> Iterator[Replica]:
    """Start a replica on a free port, wait until it is ready, and end it afterwards."""
    # A log of its own: the processes of a replica that was killed may still write to theirs.
    log = folder / f"service-{time.monotonic_ns()}.log"
    process = launch(store, log, *flags, env=env)
    try:
        wait_for(lambda: '"listening"' in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        events = [json.loads(line) for line in log.read_text().splitlines()]
        port = next(event["port"] for event in events if event["event"] == "listening")
        replica = Replica(port, process, log)
        wait_for(
            lambda: process.poll() is not None or replica.ask("GET", "/health/ready")[0] == 200
        )
        assert process.poll() is None, log.read_text()
        yield replica
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_LIMIT_S)


def launch(
    store: Path, log: Path, *flags: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a service on a free port; its log goes to a file."""
    command = [sys.executable, "-m", "service", "--store", str(store), "--port", "0", *flags]
    with log.open("wb") as file:
        return subprocess.Popen(
            command, stderr=file, cwd=ROOT, env=os.environ | (env or {}), start_new_session=True
        )


def wait_for(holds: Callable[[], bool], limit_s: float = START_LIMIT_S) -> None:
    """Look until something holds, or fail at the deadline."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """Return the living descendants of a process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parents[int(entry.name)] = parent_of(int(entry.name))
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def parent_of(pid: int) -> int | None:
    """Return the parent of a process; None if it is gone or a zombie."""
    try:
        state, parent = (Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]).split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def alive(pid: int) -> bool:
    return parent_of(pid) is not None


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pss_bytes(pid: int) -> int:
    """Return the proportional set size: shared pages count once over all who share them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Pss")
