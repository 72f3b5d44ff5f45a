"""Ended children are buried, but for those that somebody else waits for."""

import subprocess
import sys


def reap_in_a_process(others: str) -> str:
    """Start two children in a process of its own, let both end, reap; return which are left."""
    code = f"""
import os
from service.many.orphans import reap_orphans

pids = []
for _ in range(2):
    pid = os.fork()
    if not pid:
        os._exit(7)
    pids.append(pid)
for pid in pids:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
reap_orphans({others})
left = 0
for pid in pids:
    try:
        os.waitpid(pid, os.WNOHANG)
        left += 1
    except ChildProcessError:
        pass
print(left)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_all_that_have_ended_are_reaped() -> None:
    assert reap_in_a_process("set()") == "0"


def test_those_of_others_are_left_to_them() -> None:
    assert reap_in_a_process("set(pids)") == "2"
