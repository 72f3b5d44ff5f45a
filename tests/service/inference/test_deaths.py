"""Who ended a worker: its batch, or somebody else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.inference.deaths import OomKills, is_outside, is_stopped


@pytest.mark.parametrize(
    ("status", "is_ours", "oom_kills", "outside"),
    [
        (-signal.SIGKILL, False, 0, True),
        (-signal.SIGKILL, True, 0, False),  # it hung
        (-signal.SIGKILL, False, 1, False),  # it took all memory
        (-signal.SIGSEGV, False, 0, False),
        (137, False, 0, False),
        (0, False, 0, False),
    ],
)
def test_only_a_strangers_sigkill_is_no_fault_of_the_batch(
    status: int, is_ours: bool, oom_kills: int, outside: bool
) -> None:
    assert is_outside(status, is_ours, oom_kills) is outside


def test_oom_kills_are_counted_from_look_to_look(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("pgfault 17\noom_kill 3\noom_kill_other 9\n")
    kills = OomKills(vmstat)
    assert kills.since_last_look() == 0
    vmstat.write_text("pgfault 18\noom_kill 5\n")
    assert [kills.since_last_look(), kills.since_last_look()] == [2, 0]


def test_a_machine_that_does_not_count_them_has_none(tmp_path: Path) -> None:
    assert OomKills(tmp_path / "none").since_last_look() == 0


def test_a_stopped_process_is_told_from_a_running_one() -> None:
    process = subprocess.Popen(["sleep", "60"])
    try:
        assert not is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        assert is_stopped(process.pid)
    finally:
        process.kill()
        process.wait()
    assert not is_stopped(process.pid)


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("signal.pthread_kill(threading.get_ident(), signal.SIGKILL)", 137),
        ("os.killpg(os.getpgrp(), signal.SIGKILL)", 137),
        ("os.kill(os.getpid(), 0)", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_a_process_that_kills_itself_says_so(act: str, status: int) -> None:
    code = "import os, signal, threading\n"
    code += "from service.inference.deaths import confess_suicide\n"
    code += f"os.setpgrp()\nconfess_suicide()\n{act}\n"
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
    assert done.returncode == status
