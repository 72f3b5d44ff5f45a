"""A best of thirty is killed half way, and goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 120.0
GONE_WITHIN_S = 30.0


def start(work: Path, processes: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.models.fit.jobs", str(work), str(processes)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(work: Path, processes: int) -> list[str]:
    with start(work, processes) as child:
        said, _ = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0
    return said.splitlines()


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
    undisturbed = finish(tmp_path / "undisturbed", 1)
    work = tmp_path / "killed"
    with start(work, 2) as child:
        assert child.stdout is not None
        seen = [child.stdout.readline() for _ in range(12)]
        os.kill(child.pid, signal.SIGKILL)
        child.wait(DEADLINE_S)
        deadline = time.monotonic() + GONE_WITHIN_S
        while members(child.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert members(child.pid) == []
    assert all(line.startswith("run") for line in seen)
    (journal,) = (work / "runs").glob("*.jsonl")
    kept = journal.read_bytes()
    # The kill may have met it in the middle of a line.
    journal.write_bytes(kept + b'{"number": 29, "sco')
    again = finish(work, 1)
    fitted_again = [line for line in again if line.startswith("run")]
    assert len(fitted_again) == 30 - kept.count(b"\n")
    assert 0 < len(fitted_again) <= 18
    assert not set(fitted_again) & {line.strip() for line in seen}
    assert again[-1] == undisturbed[-1]
    assert journal.read_bytes().startswith(kept)
