"""A best of thirty is killed half way, and goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from models.fit.progress import Event, RunEnd, silent
from tests.models.fit.conftest import students
from tests.models.fit.jobs import thirty

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 300.0
GONE_WITHIN_S = 30.0


def start(work: Path, processes: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.models.fit.jobs", str(work), str(processes)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def members(group: int) -> list[int]:
    """Return the processes of a group that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            state, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(of) == group and state != "Z":
            found.append(int(entry.name))
    return found


@pytest.mark.integration
def test_a_killed_session_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    work = tmp_path / "killed"
    with start(work, 2) as child:
        assert child.stdout is not None
        seen = {int(child.stdout.readline()) for _ in range(8)}
        os.kill(child.pid, signal.SIGKILL)
        child.wait(DEADLINE_S)
        deadline = time.monotonic() + GONE_WITHIN_S
        while members(child.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert members(child.pid) == []
    (journal,) = (work / "runs").glob("*.jsonl")
    kept = journal.read_bytes()
    # The kill may have met it in the middle of a line.
    journal.write_bytes(kept + b'{"number": 29, "sco')
    assert list(work.glob("rows-*"))
    told: list[Event] = []
    resumed = thirty(work, 1, told.append)
    again = {event.run.number for event in told if isinstance(event, RunEnd)}
    assert len(again) == 30 - kept.count(b"\n")
    assert again
    assert not again & seen
    assert journal.read_bytes().startswith(kept)
    assert not list(work.glob("rows-*"))
    undisturbed = thirty(tmp_path / "undisturbed", 1, silent)
    assert (resumed.best.number, resumed.best.score) == (
        undisturbed.best.number, undisturbed.best.score
    )  # fmt: skip
    assert [(run.number, run.score) for run in resumed.runs] == [
        (run.number, run.score) for run in undisturbed.runs
    ]
    rows = students(50)[1].X
    assert np.array_equal(resumed.model.predict(rows), undisturbed.model.predict(rows))
