"""Workers that stop or never end: their requests are answered by others, within the deadline."""

import time
from pathlib import Path

import pytest

from tests.chaos.bench import (
    FULL_LIMIT_S,
    bench,
    count_ends,
    expect_all_right,
    measure_latency,
    steady_stream,
    wait,
)
from tests.chaos.estimators import Command
from tests.chaos.faults import stop_worker
from tests.chaos.forms import Form
from tests.chaos.table import Verdict
from tests.processes.replica import alive

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
HANG_LIMIT_S = 0.5
GONE_LIMIT_S = 2.0


def test_sigstop_of_workers(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    stops, quiet_s = form.pick(1, 10), form.pick(0.5, 10.0)
    with bench(shelf, tmp_path) as started:
        long_s = 2 * quiet_s + stops * (FULL_LIMIT_S + 1.0)
        stream = steady_stream(started, form.load * capacity_per_s, long_s)
        with started.traffic(stream) as traffic:
            time.sleep(quiet_s)
            first_s = time.monotonic()
            for _ in range(stops):
                pid, busy = stop_worker(started.workers(), started.chance)
                stopped_s = time.monotonic()
                verdict.injected += 1
                verdict.busy += busy
                verdict.full_s.append(started.full_after(pid, stopped_s))
                wait(lambda gone=pid: not alive(gone), GONE_LIMIT_S)  # type: ignore[misc]
                time.sleep(form.pick(0.2, 2.0))
            last_s = time.monotonic()
            time.sleep(quiet_s)
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        measure_latency(verdict, good, first_s, last_s)
        metrics = started.metrics()
    verdict.quarantined = int(metrics["percore_inputs_quarantined"])
    verdict.retried = int(metrics["percore_requests_retried_total"])
    expect_all_right(verdict)
    verdict.expect(verdict.quarantined == 0, "a good row was quarantined")


def test_batches_that_never_end(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """Who asked for one hears of it in time; everybody else is answered."""
    commands = (Command.SLEEP, Command.SPIN) * form.pick(1, 5)
    with bench(shelf, tmp_path, "--hang-limit-s", str(HANG_LIMIT_S)) as started:
        # No more than one worker can answer while the other one hangs.
        long_s = len(commands) * 3 * HANG_LIMIT_S + 1.0
        with started.traffic(steady_stream(started, 100.0, long_s)) as traffic:
            for index, command in enumerate(commands):
                asked_s = time.monotonic()
                row = [float(2_000_000 + index), float(command)]
                status, body = started.replica.predict("steady", [row])
                verdict.injected += 1
                took_s = time.monotonic() - asked_s
                verdict.notes.append(f"{command.name}: {status} after {took_s:.1f} s")
                verdict.expect(status in {500, 504}, f"a hang was answered {status}: {body}")
            wait(lambda: started.replica.workers()["ready"] >= 2, FULL_LIMIT_S)
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        verdict.quarantined = int(started.metrics()["percore_inputs_quarantined"])
    expect_all_right(verdict)
    verdict.expect(verdict.quarantined <= len(commands), "a good row was quarantined")
