"""A generator process goes first where it may."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
GO = (
    "import os; from loadtest.generator import go_first; go_first();"
    " print(os.sched_getscheduler(0) == os.SCHED_RR)"
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these priorities")
def test_the_generator_has_real_time_where_it_may_and_goes_on_where_it_may_not() -> None:
    may = python(ASK).returncode == 0
    done = python(GO)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(may)
