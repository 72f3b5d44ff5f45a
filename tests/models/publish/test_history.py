"""The history of runs outlives what cuts a line off; the lock lets one run in."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.errors import StoreError
from models.publish.history import HISTORY, Entry, History
from models.publish.lock import only_run

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from models.publish.lock import only_run
with only_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def entry(version: int | None, fingerprint: str = "") -> Entry:
    outcome = "failed" if version is None else "promoted"
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Entry(at=at, outcome=outcome, words="why", version=version, fingerprint=fingerprint)


def test_entries_come_back_in_order_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    history = History(tmp_path / "work")
    assert history.entries() == []
    history.add(entry(1, "a"))
    history.add(entry(None, "b"))
    with (tmp_path / "work" / HISTORY).open("a") as file:
        file.write('{"at": "2026-01-0')
    assert history.entries() == [entry(1, "a"), entry(None, "b")]


def test_the_last_fingerprint_is_that_of_a_version(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.last_fingerprint() == ""
    history.add(entry(1, "a"))
    history.add(entry(None, "b"))
    assert history.last_fingerprint() == "a"


def test_a_second_run_is_told_who_is_at_work(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreError, match=f"process {holder.pid} is at work"),
            only_run(tmp_path),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with only_run(tmp_path):  # the kernel freed what a killed process held
        assert (tmp_path / "lock").read_text() == str(os.getpid())
