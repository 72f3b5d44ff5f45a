"""Processes of a run: they end, for certain."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from loadtest.child import Child
from loadtest.errors import ChildError

DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(own.pid, flush=True)
time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
            == "Z"
        )
    except FileNotFoundError:
        return True


def test_who_ignores_sigterm_is_killed_with_what_it_started(tmp_path: Path) -> None:
    with Child(
        "deaf", [sys.executable, "-c", DEAF], tmp_path, stop_timeout_s=0.2, piped=True
    ) as child:
        grandchild = int(child.read_line(20))
        assert os.getsid(child.process.pid) == child.process.pid != os.getsid(0)
    assert child.exit_code == -9
    deadline_s = time.monotonic() + 10
    while not gone(grandchild) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert gone(grandchild)


def test_who_hears_sigterm_is_not_killed(tmp_path: Path) -> None:
    with Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path) as child:
        assert child.exit_code is None
    assert child.exit_code == -15


def test_a_child_is_ended_when_the_runner_fails(tmp_path: Path) -> None:
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    with pytest.raises(KeyboardInterrupt), child:
        raise KeyboardInterrupt
    assert child.exit_code == -15


def test_a_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    code = "import sys; [print('line', n, file=sys.stderr) for n in range(20)]"
    ended = pytest.raises(ChildError, match="talker ended before it was ready")
    with (
        Child("talker", [sys.executable, "-c", code], tmp_path, piped=True) as child,
        ended as caught,
    ):
        child.read_line(20)
    assert "line 19" in str(caught.value)
    assert "line 11" not in str(caught.value)


def test_who_says_nothing_in_time_has_failed(tmp_path: Path) -> None:
    code = "import time; time.sleep(60)"
    late = pytest.raises(ChildError, match=r"was not ready after 0\.05 s")
    with Child("mute", [sys.executable, "-c", code], tmp_path, piped=True) as child, late:
        child.read_line(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_is_started_leaves_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """The signal comes when the process is there, and its number not yet kept."""
    begun: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            begun.append(self.pid)
            signal.raise_signal(number)

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(number, end)
    try:
        monkeypatch.setattr(subprocess, "Popen", Interrupted)
        with (
            pytest.raises(SystemExit),
            Child("late", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path),
        ):
            pytest.fail("the signal was lost")
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)
    (pid,) = begun
    assert gone(pid)
