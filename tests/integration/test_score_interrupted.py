"""Offline scoring that is killed, stopped or short of memory: nothing is lost, nothing is left."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.integration.scoring import Scoring, all_gone, parts_of, summary
from tests.integration.server import peak_rss_bytes

pytestmark = pytest.mark.integration

ROWS, PART = 900, 20
SIZES = 150_000, 600_000
"""Rows of two inputs; of the smaller, too, only a part is in memory at a time."""
ROW_S = 0.002
"""The slow model answers each row's seconds, after as many."""


def write(path: Path, rows: int = ROWS) -> Path:
    seconds = ROW_S + np.arange(rows) * 1e-9
    pd.DataFrame({"id": range(rows), "seconds": seconds, "weight": 1.0}).to_parquet(path)
    return path


def ask(given: Path, out: Path) -> list[object]:
    return [given, "--model", "slow", "--out", out, "--part-rows", PART, "--json"]


def check(out: Path, rows: int = ROWS) -> None:
    found = pq.read_table(out)
    assert found.column("id").to_pylist() == list(range(rows))
    assert found.column("prediction").to_pylist() == found.column("seconds").to_pylist()
    assert not out.with_name(out.name + ".parts").exists()


def test_workers_and_a_loader_that_are_killed_lose_nothing(
    strange_store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.parquet"
    run = Scoring(strange_store, *ask(write(tmp_path / "a.parquet"), out))
    run.until(lambda: parts_of(out) >= 3)
    for pid in run.workers():
        os.kill(pid, signal.SIGKILL)
    run.until(lambda: parts_of(out) >= 10)
    loader = [pid for pid, name in run.descendants().items() if name == "percore-loader"]
    for pid in (loader[0], *run.workers()):
        os.kill(pid, signal.SIGKILL)
    run.until(lambda: parts_of(out) >= 20)
    for pid in run.workers():
        os.kill(pid, signal.SIGKILL)
    said = summary(run.end())
    assert said["retried_parts"] >= 2
    assert (said["rows"], said["parts"], said["resumed_parts"]) == (ROWS, ROWS // PART, 0)
    check(out)


def test_all_processes_may_be_killed_while_they_are_replaced(
    strange_store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.parquet"
    run = Scoring(strange_store, *ask(write(tmp_path / "a.parquet"), out))
    run.until(lambda: parts_of(out) >= 3)
    for _ in range(2):
        for pid, name in run.descendants().items():
            if name.startswith("percore"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        run.until(lambda: "percore-loader" in run.descendants().values())
    said = summary(run.end())
    assert (said["rows"], said["parts"], said["resumed_parts"]) == (ROWS, ROWS // PART, 0)
    check(out)


def test_a_killed_run_goes_on_and_equals_one_that_was_not(
    strange_store: Path, tmp_path: Path
) -> None:
    given, out, whole = (tmp_path / name for name in ("a.parquet", "o.parquet", "whole.parquet"))
    write(given)
    run = Scoring(strange_store, *ask(given, out))
    run.until(lambda: parts_of(out) >= 5)
    below = run.descendants()
    run.signal(signal.SIGKILL)
    run.end()
    assert len(below) >= 3
    assert all_gone(below)
    assert not out.exists()
    kept = parts_of(out)
    said = summary(Scoring(strange_store, *ask(given, out)).end())
    assert said["resumed_parts"] == kept >= 5
    check(out)
    assert summary(Scoring(strange_store, *ask(given, whole)).end())["resumed_parts"] == 0
    assert whole.read_bytes() == out.read_bytes()


def test_a_signal_ends_it_cleanly(strange_store: Path, tmp_path: Path) -> None:
    given, out = write(tmp_path / "a.parquet"), tmp_path / "o.parquet"
    run = Scoring(strange_store, *ask(given, out))
    run.until(lambda: parts_of(out) >= 2)
    below = run.descendants()
    run.signal(signal.SIGTERM)
    ended = run.end()
    assert ended[0] == 143
    assert ended[2].startswith("Stopped. Finished parts are kept in ")
    assert all_gone(below)
    assert not out.exists()
    assert summary(Scoring(strange_store, *ask(given, out)).end())["resumed_parts"] >= 2
    check(out)


def test_a_worker_in_the_middle_of_a_long_part_does_not_outlive_it(
    strange_store: Path, tmp_path: Path
) -> None:
    given = tmp_path / "a.parquet"
    pd.DataFrame({"seconds": [300.0, 0.0], "weight": 1.0}).to_parquet(given)
    run = Scoring(strange_store, *ask(given, tmp_path / "o.csv"))
    run.until(lambda: len(run.workers()) >= 2)
    time.sleep(0.5)  # there is nothing to be seen of a part that is computed
    below = run.descendants()
    run.signal(signal.SIGINT)
    assert run.end()[0] == 130
    assert all_gone(below)


def peak_bytes(run: Scoring) -> int:
    """Return the most memory that a run's own process has had, until its end."""
    peak = 0
    while run.process.poll() is None:
        try:
            peak = max(peak, peak_rss_bytes(run.process.pid))
        except (AssertionError, OSError):  # it ends this moment
            break
        time.sleep(0.02)
    assert run.end()[0] == 0
    return peak


def test_memory_does_not_grow_with_the_input(trained: Path, tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    peaks = []
    for count in SIZES:
        rows = pd.DataFrame({name: dice.uniform(0.5, 2.4, count) for name in names})
        rows["pad"] = [f"{i:0200}" for i in range(count)]
        rows.to_parquet(tmp_path / "a.parquet", row_group_size=count, use_dictionary=False)
        run = Scoring(trained, tmp_path / "a.parquet", "--model", "iris", "--out",
                      tmp_path / "o.parquet", "--part-rows", 5000)  # fmt: skip
        peaks.append(peak_bytes(run))
        assert pq.read_metadata(tmp_path / "o.parquet").num_rows == count
    grown = peaks[1] - peaks[0]
    more_bytes = (SIZES[1] - SIZES[0]) * (4 * 8 + 200)
    # Held as a whole, or read ahead without a bound, the input would be there in full. What the
    # allocators keep differs from run to run by some tens of megabytes.
    assert grown < more_bytes / 2, peaks
