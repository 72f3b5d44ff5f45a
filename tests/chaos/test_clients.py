"""Clients that go away, say nothing or never end: whoever behaves well does not notice."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadtest.payload import predict_wire
from tests.chaos.bench import (
    bench,
    count_ends,
    expect_all_right,
    measure_latency,
    steady_stream,
    told,
    wait,
)
from tests.chaos.forms import Form
from tests.chaos.rude import RudeJob
from tests.chaos.shelf import STEADY, WIDE, requests
from tests.chaos.table import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
ABORTING = 0.3
TABLE_LIMIT_S = 10.0
SPREAD_S = 2.0
"""Beyond the deadline: connections open over half a second, and a busy machine is late."""
FEW_DESCRIPTORS = 256
P99_RATIO = 2.0


def test_clients_that_abort(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    long_s, rate_per_s = form.pick(3.0, 60.0), form.load * capacity_per_s
    with bench(shelf, tmp_path) as started:
        row = [[9_000.0, 0.0]]
        (asked,) = requests(started.store, started.address, STEADY, row)
        job = RudeJob(
            target=started.address,
            kind="abort",
            clients=50,
            duration_s=2 * long_s,
            rate_per_s=ABORTING * rate_per_s,
            wire=asked.wire,
        )
        stream = steady_stream(started, (1 - ABORTING) * rate_per_s, long_s)
        with started.traffic(stream) as traffic, started.rude(job) as rude:
            traffic.finish(limit_s=long_s + 60.0)
            seen = told(rude)
            good = traffic.outcomes("good").result
        verdict.injected = seen["opened"]
        verdict.notes.append(f"{seen['opened'] - seen['answered']} closed before their answer")
        count_ends(verdict, good)
        empty_s = wait(started.is_table_empty, TABLE_LIMIT_S) - time.monotonic()
        verdict.notes.append(f"table empty {max(empty_s, 0.0):.1f} s after")
        errors = started.log_errors()
        verdict.expect(not errors, f"the log has {len(errors)} errors, such as {errors[:1]}")
        restarts = started.metrics()["percore_worker_restarts_total"]
        verdict.expect(restarts == 0, f"{restarts:.0f} workers died of it")
    expect_all_right(verdict)


def test_a_byte_a_second(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    """Connections that drip are closed at the deadline of a head."""
    clients, quiet_s = form.pick(100, 1000), form.pick(0.5, 10.0)
    deadline_s = form.pick(1.5, 10.0)
    with bench(shelf, tmp_path, "--header-timeout-s", str(deadline_s)) as started:
        # Half of the capacity: the p99 of this client is compared, not the capacity.
        stream = steady_stream(started, 0.5 * capacity_per_s, 2 * quiet_s + 60.0)
        limit_s = deadline_s + SPREAD_S
        job = RudeJob(target=started.address, kind="drip", clients=clients, duration_s=2 * limit_s)
        with started.traffic(stream) as traffic:
            time.sleep(quiet_s)
            first_s = time.monotonic()
            with started.rude(job) as rude:
                time.sleep(limit_s)
                seen = told(rude)
            last_s = time.monotonic()
            time.sleep(quiet_s)
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        measure_latency(verdict, good, first_s, last_s)
    closed = sorted(seen["closed_after_s"])
    verdict.injected = seen["opened"]
    verdict.expect(
        len(closed) == seen["opened"],
        f"{seen['opened'] - len(closed)} of {seen['opened']} were open after {limit_s:g} s",
    )
    if closed:
        verdict.notes.append(f"closed after {closed[0]:.1f} to {closed[-1]:.1f} s")
        verdict.expect(closed[-1] <= limit_s, f"the last one was closed after {closed[-1]:.1f} s")
    expect_all_right(verdict)
    if form.full:
        ratio = verdict.p99_ratio
        verdict.expect(ratio is not None and ratio < P99_RATIO, f"p99 was {ratio} of the quiet one")


def test_no_descriptor_left(shelf: Path, tmp_path: Path, form: Form, verdict: Verdict) -> None:
    """More connections than descriptors: who is connected is served, and it passes."""
    with few_descriptors(), bench(shelf, tmp_path) as started:
        stream = steady_stream(started, 50.0, form.pick(3.0, 20.0))
        job = RudeJob(
            target=started.address, kind="hold", clients=form.pick(500, 1000), duration_s=60.0
        )
        with started.traffic(stream) as traffic:
            time.sleep(0.5)
            with started.rude(job) as rude:
                time.sleep(form.pick(1.5, 15.0))
                verdict.injected = told(rude)["opened"]
            gone_s = time.monotonic()
            again_s = wait(started.replica.is_ready, 10.0) - gone_s
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        verdict.notes.append(f"a new connection is served {again_s:.2f} s after")
        errors = started.log_errors()
        verdict.expect(not errors, f"the log has {len(errors)} errors, such as {errors[:1]}")
    expect_all_right(verdict)


@contextmanager
def few_descriptors() -> Iterator[None]:
    """Let processes that are started have few descriptors; rude clients help themselves to more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_answers_that_nobody_reads(
    shelf: Path, tmp_path: Path, form: Form, verdict: Verdict
) -> None:
    """Clients ask for large answers and read none: others are served meanwhile."""
    with bench(shelf, tmp_path) as started:
        rows = [[float(index), 0.0] for index in range(form.pick(50, 200))]
        assert started.replica.predict(WIDE, rows)[0] == 200
        job = RudeJob(
            target=started.address,
            kind="mute",
            clients=form.pick(10, 100),
            duration_s=60.0,
            wire=predict_wire(started.address, WIDE, rows, probabilities=False),
        )
        stream = steady_stream(started, 100.0, form.pick(3.0, 30.0))
        with started.traffic(stream) as traffic, started.rude(job) as rude:
            traffic.finish()
            verdict.injected = told(rude)["opened"]
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        wait(started.is_table_empty, TABLE_LIMIT_S)
        errors = started.log_errors()
        verdict.expect(not errors, f"the log has {len(errors)} errors, such as {errors[:1]}")
    expect_all_right(verdict)
