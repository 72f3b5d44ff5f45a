"""Replicas stop and start behind a balancer, and API processes are killed."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest.front import running_front
from loadtest.http1 import Address
from loadtest.scenario import Balancing
from tests.chaos.bench import (
    Bench,
    Traffic,
    bench,
    count_ends,
    expect_all_right,
    measure_latency,
    steady_stream,
    wait,
)
from tests.chaos.estimators import FAULTS
from tests.chaos.faults import workers_of
from tests.chaos.forms import Form
from tests.chaos.table import Verdict
from tests.processes.replica import Replica, alive, children, launch

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
DRAIN_DELAY_S = 1.5
"""More than the balancer needs to see that a replica is not ready: it probes each half second."""
GRACE_S = 30.0
ORPHANS_GONE_S = 5.0
RATE_SHARE = 0.5
"""Of what one replica can do: while the other one starts it has all the traffic."""


class Slot:
    """A place in the fleet: a fixed port, and the replica that has it just now."""

    def __init__(self, name: str, store: Path, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.port = _free_port()
        self._store = store
        self.replica = self.start()

    def start(self) -> Replica:
        process = launch(
            self._store,
            self.log,
            *("--port", str(self.port), "--workers", "1"),
            *("--drain-delay-s", str(DRAIN_DELAY_S)),
            env={FAULTS: "1"},
        )
        self.replica = Replica(self.port, process, self.log)
        return self.replica

    def is_ready(self) -> bool:
        assert self.replica.process.poll() is None, self.log.read_text()
        try:
            return self.replica.is_ready()
        except OSError:
            return False

    def stop(self) -> tuple[int, float]:
        """Ask it to end; return its code and how long it took."""
        asked_s = time.monotonic()
        self.replica.process.send_signal(signal.SIGTERM)
        code = self.replica.process.wait(GRACE_S)
        return code, time.monotonic() - asked_s

    def kill(self) -> None:
        if self.replica.process.poll() is None:
            self.replica.process.kill()
        self.replica.process.wait(10)


@contextmanager
def fleet(store: Path, folder: Path) -> Iterator[tuple[list[Slot], Address]]:
    """Run two replicas behind the load test's balancer, which polls readiness and never retries."""
    slots = [Slot(name, store, folder) for name in ("one", "two")]
    try:
        for slot in slots:
            wait(slot.is_ready, 60.0)
        upstreams = [(slot.name, Address("127.0.0.1", slot.port)) for slot in slots]
        with running_front(Balancing(), upstreams, folder) as front:
            yield slots, front.address
    finally:
        for slot in slots:
            slot.kill()


def test_sigterm_behind_a_balancer(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    stops, quiet_s = form.pick(1, 20), form.pick(0.5, 10.0)
    with fleet(shelf, tmp_path) as (slots, target):
        # One worker each: a replica does about half of what the measured one did.
        rate_per_s = form.pick(100.0, RATE_SHARE * capacity_per_s / 2)
        lone = Bench(slots[0].replica, shelf, tmp_path)
        lone.address = target
        stream = steady_stream(lone, rate_per_s, 2 * quiet_s + stops * 20.0)
        traffic = Traffic(target, [stream], tmp_path)
        try:
            time.sleep(quiet_s)
            first_s = time.monotonic()
            for index in range(stops):
                slot = slots[index % 2]
                code, took_s = slot.stop()
                verdict.injected += 1
                verdict.expect(code == 0, f"SIGTERM ended with code {code}")
                verdict.expect(took_s < GRACE_S, f"it took {took_s:.0f} s to stop")
                slot.start()
                started_s = time.monotonic()
                verdict.full_s.append(wait(slot.is_ready, 60.0) - started_s)
                time.sleep(1.5)  # until the balancer has seen it
            last_s = time.monotonic()
            time.sleep(quiet_s)
            traffic.stop()
            traffic.finish()
        finally:
            traffic.kill()
        good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        measure_latency(verdict, good, first_s, last_s)
    expect_all_right(verdict)


def test_readiness_goes_first(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """During the drain delay the service says that it is not ready, and serves all the same."""
    serve_s = form.pick(1.0, 5.0)
    flags = ("--drain-delay-s", str(serve_s + 1.0))
    with bench(shelf, tmp_path, *flags) as started:
        with started.traffic(steady_stream(started, 100.0, serve_s)) as traffic:
            started.replica.process.send_signal(signal.SIGTERM)
            asked_s = time.monotonic()
            verdict.injected = 1
            took_s = wait(lambda: not started.replica.is_ready(), serve_s) - asked_s
            verdict.notes.append(f"not ready {took_s * 1e3:.0f} ms after the signal")
            traffic.finish()
            count_ends(verdict, traffic.outcomes("good").result)
        code = started.replica.process.wait(GRACE_S)
        verdict.expect(code == 0, f"it ended with code {code}")
    expect_all_right(verdict)


def test_kill_9_of_the_api_process(
    shelf: Path, tmp_path: Path, form: Form, verdict: Verdict
) -> None:
    """Its workers and its loader end by themselves, busy or not, and its port is free."""
    for index in range(form.pick(2, 20)):
        with bench(shelf, tmp_path / str(index)) as started:
            stream = steady_stream(started, 200.0, 30.0)
            with started.traffic(stream):
                time.sleep(started.chance.uniform(0.2, 0.6))
                everybody = children(started.api)
                assert len(everybody) > len(workers_of(started.api)) > 0
                os.kill(started.api, signal.SIGKILL)
                died_s = time.monotonic()
                started.replica.process.wait(10)
                verdict.injected += 1
                gone = wait_gone(everybody)
                verdict.full_s.append(time.monotonic() - died_s)
                verdict.expect(gone, f"orphans: {[pid for pid in everybody if alive(pid)]}")
                with socket.create_server(("127.0.0.1", started.address.port)):
                    pass  # raises if somebody still has it
    verdict.notes.append("to full: until no process was left")
    if form.full:
        verdict.expect(max(verdict.full_s) < 1.0, "orphans lived for a second and more")


def wait_gone(pids: list[int]) -> bool:
    try:
        wait(lambda: not any(alive(pid) for pid in pids), ORPHANS_GONE_S)
    except AssertionError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
