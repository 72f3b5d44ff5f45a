"""Workers are told apart by their CPU, and a new one takes the place of the one that died."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from loadtest.child import Child
from loadtest.fleet import Replica
from loadtest.http1 import Address
from loadtest.report.plots.workers import workers_plot
from loadtest.watching import FILE, Places, Spell, WorkerWatch, read_spells, write_spells
from tests.loadtest.faults.sites import wait_until

SPIN, REST = "while True: pass", "import time; time.sleep(600)"


class Listed:
    """A replica that says which processes predict."""

    def __init__(self, folder: Path) -> None:
        self.pids: list[int] = []
        listed = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"workers": {"pids": listed.pids}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        address = Address("127.0.0.1", self.server.server_port)
        self.replica = Replica("replica-0", address, Child("replica-0", ["true"], folder))

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Listed]:
    made = Listed(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen([sys.executable, "-c", code]) for code in (SPIN, REST, SPIN)]
    try:
        yield made
    finally:
        for each in made:
            each.kill()
            each.wait(10)


def test_a_new_process_takes_the_first_place_that_is_free() -> None:
    places = Places()
    assert places.of([7, 8, 9]) == {7: 0, 8: 1, 9: 2}
    assert places.of([7, 9]) == {7: 0, 9: 2}
    assert places.of([7, 9, 11]) == {7: 0, 9: 2, 11: 1}
    assert places.of([12]) == {12: 0}


def test_busy_workers_are_told_from_idle_ones_and_from_dead_ones(
    listed: Listed, processes: list[subprocess.Popen[bytes]]
) -> None:
    spinning, resting, other = processes
    listed.pids = [spinning.pid, resting.pid]
    watch = WorkerWatch([listed.replica])
    watch.start(0.0)
    wait_until(lambda: len(seen(watch, 0)) >= 2 and len(seen(watch, 1)) >= 2, 60.0)
    busy = [np.mean([each.busy for each in seen(watch, worker)]) for worker in (0, 1)]
    assert busy[0] > 10 * busy[1]
    spinning.kill()
    spinning.wait(10)
    listed.pids = [other.pid, resting.pid]
    before = len(seen(watch, 0))
    wait_until(lambda: len(seen(watch, 0)) > before + 1, 60.0)
    spells = watch.stop()
    assert {(each.replica, each.worker) for each in spells} == {("replica-0", 0), ("replica-0", 1)}
    assert spells == sorted(spells, key=lambda each: each.from_s)
    assert all(each.from_s < each.to_s and each.busy >= 0 for each in spells)


def seen(watch: WorkerWatch, worker: int) -> list[Spell]:
    return [each for each in list(watch._spells) if each.worker == worker]


def test_spells_come_back_from_their_file(tmp_path: Path) -> None:
    spells = [Spell("replica-0", 1, 0.1, 0.6, 1 / 3)]
    write_spells(tmp_path / FILE, spells)
    assert read_spells(tmp_path / FILE) == spells
    assert read_spells(tmp_path / "none") == []


def test_workers_are_drawn_a_line_each() -> None:
    spells = [
        Spell(f"replica-{replica}", worker, at / 2, (at + 1) / 2, 0.5)
        for replica in range(2)
        for worker in range(2)
        for at in range(10)
        if (replica, worker, at // 5) != (1, 1, 0)
    ]
    plot = workers_plot(spells)
    assert plot is not None
    assert plot.wide
    assert workers_plot([]) is None
