"""The service as a process, and what is to be seen of it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.wire import Address, get

ROOT = Path(__file__).resolve().parents[2]
START_S = 300.0
STOP_S = 30.0
API_PROCESSES = int(os.environ.get("PERCORE_API_PROCESSES", "1"))
FEW = f"--workers={API_PROCESSES}"
"""As few workers as there may be: each API process needs one."""


class Service:
    """A running service.

    Args:
        process: the API process.
        store: the store that it serves.
        log: the file that has its standard error.
    """

    def __init__(self, process: subprocess.Popen[bytes], store: Path, log: Path) -> None:
        self.process = process
        self.store = store
        self.log = log
        self.address: Address = ("127.0.0.1", 0)

    def wait_ready(self) -> None:
        """Wait for the line that tells the port, then for /health/ready."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            told = [event for event in self.events() if event["event"] == "listening"]
            if told:
                self.address = (told[0]["host"], told[0]["port"])
                if get(self.address, "/health/ready").status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready:\n{self.log.read_text()}")

    def events(self) -> list[dict[str, Any]]:
        """Return the log lines so far; each must be JSON."""
        whole = self.log.read_text().rpartition("\n")[0]
        for line in whole.splitlines():
            assert line.startswith("{"), f"a line that is not JSON:\n{whole[-3000:]}"
        return [json.loads(line) for line in whole.splitlines()]

    def workers(self) -> tuple[int, ...]:
        """Return the workers' process ids as /v1/models tells them."""
        return tuple(get(self.address, "/v1/models").json()["workers"]["pids"])

    def manifest(self, model: str, version: int = 1) -> dict[str, Any]:
        """Return a version's manifest as it stands in the store."""
        text = (self.store / model / str(version) / "manifest.json").read_text()
        manifest: dict[str, Any] = json.loads(text)
        return manifest

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        finally:
            self.process.kill()


@contextmanager
def serving(
    store: Path, folder: Path, *flags: str, env: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run a service on a free port; at the end SIGTERM must give exit code 0."""
    log = folder / "service.log"
    command = [sys.executable, "-m", "service", "--store", str(store), "--port", "0", *flags]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=errors, stdout=errors, env=os.environ | dict(env or {})
        )
    service = Service(process, store, log)
    try:
        service.wait_ready()
        yield service
    except BaseException:
        process.kill()
        process.wait(STOP_S)
        raise
    assert service.stop() == 0
    assert service.events()[-1]["event"] == "stopped"


def rss_bytes(pid: int) -> int:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def peak_rss_bytes(pid: int) -> int:
    """Return the most resident memory that a process ever had, or since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has no memory")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew at what the process has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
