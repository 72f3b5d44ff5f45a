"""Versions change under traffic: every answer is right for the version that it names."""

import time
from pathlib import Path

import pytest

from models.store import Store
from tests.chaos.bench import (
    Bench,
    bench,
    count_ends,
    expect_all_right,
    measure_latency,
    steady_stream,
    wait,
)
from tests.chaos.faults import kill_worker
from tests.chaos.forms import Form
from tests.chaos.shelf import CORRUPT, STEADY, copy_of
from tests.chaos.table import Verdict

pytestmark = [pytest.mark.integration, pytest.mark.chaos]
SWAP_LIMIT_S = 15.0
REFUSAL_LIMIT_S = 15.0
CORRUPT_EVERY = 10
"""After so many swaps a corrupt candidate is promoted."""


def test_swaps(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    swaps, every_s, quiet_s = form.pick(3, 50), form.pick(0.1, 1.2), form.pick(0.5, 10.0)
    store = copy_of(shelf, tmp_path)
    with bench(store, tmp_path) as started:
        long_s = 2 * quiet_s + swaps * SWAP_LIMIT_S
        stream = steady_stream(started, form.load * capacity_per_s, long_s, versions=(1, 2))
        with started.traffic(stream) as traffic:
            time.sleep(quiet_s)
            first_s = time.monotonic()
            refusals = 0
            for index in range(swaps):
                due_s = time.monotonic() + every_s
                swap(started, verdict, 2 - index % 2)
                if index % CORRUPT_EVERY == 1:
                    refuse_corrupt(started, verdict, 2 - index % 2)
                    refusals += 1
                time.sleep(max(due_s - time.monotonic(), 0.0))
            last_s = time.monotonic()
            time.sleep(quiet_s)
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
        measure_latency(verdict, good, first_s, last_s)
        wait(started.is_table_empty, 5.0)
    verdict.notes.append(f"{swaps} swaps and {refusals} refusals in {last_s - first_s:.0f} s")
    expect_all_right(verdict)


def swap(started: Bench, verdict: Verdict, version: int) -> None:
    """Promote a version and wait until it answers."""
    Store(started.store).promote(STEADY, version)
    asked_s = time.monotonic()
    verdict.injected += 1
    verdict.full_s.append(wait(lambda: answering(started) == version, SWAP_LIMIT_S, 0.05) - asked_s)


def refuse_corrupt(started: Bench, verdict: Verdict, kept: int) -> None:
    """Promote a version whose bytes were changed: it is refused, and the former one answers on."""
    before = refusals_logged(started)
    Store(started.store).promote(STEADY, CORRUPT)
    wait(lambda: refusals_logged(started) > before, REFUSAL_LIMIT_S)
    found = [version for version in (answering(started) for _ in range(5)) if version is not None]
    verdict.expect(set(found) <= {kept}, f"not version {kept} answered, but {found}")
    Store(started.store).promote(STEADY, kept)


def answering(started: Bench) -> int | None:
    """Return the version that answers predictions; None if the service is too busy to tell."""
    status, body = started.replica.predict(STEADY, [[1.0, 0.0]])
    assert status in {200, 503}, body
    version: int | None = body.get("version")
    return version


def refusals_logged(started: Bench) -> int:
    """Count the refusals of the corrupt version in the log."""
    return sum(
        "refused" in event["event"] and event.get("version") == CORRUPT
        for event in started.replica.events()
    )


def test_rewriting_the_file_that_is_served(
    shelf: Path, tmp_path: Path, form: Form, capacity_per_s: float, verdict: Verdict
) -> None:
    """Truncated and rewritten in place, as no publisher would: whoever serves has its copy."""
    store = copy_of(shelf, tmp_path)
    file = store / STEADY / "1" / "model.joblib"
    content = file.read_bytes()
    with bench(store, tmp_path) as started:
        stream = steady_stream(started, form.load * capacity_per_s, 60.0)
        with started.traffic(stream) as traffic:
            for index in range(form.pick(4, 40)):
                file.write_bytes(
                    (b"", content[: len(content) // 2], bytes(len(content)))[index % 3]
                )
                verdict.injected += 1
                time.sleep(0.1)
                pid, busy = kill_worker(started.workers(), started.chance, 0.2)
                died_s = time.monotonic()
                verdict.busy += busy
                verdict.full_s.append(started.full_after(pid, died_s))
            traffic.stop()
            traffic.finish()
            good = traffic.outcomes("good")
        count_ends(verdict, good.result)
    expect_all_right(verdict)
