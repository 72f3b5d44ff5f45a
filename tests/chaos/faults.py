"""What is done to a running service, by process ids alone: it is told nothing and asked nothing."""

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.processes.replica import children, comm

RECEIVE = ("45", "47")
"""recvfrom and recvmsg on x86-64: what a worker without a batch waits in."""
SEND = ("1", "44", "46")
"""write, sendto and sendmsg."""


def workers_of(api: int) -> list[int]:
    """Return the process ids of a replica's workers."""
    return [
        pid
        for pid in children(api)
        if comm(pid).startswith("percore-w") and comm(pid) != "percore-loader"
    ]


def loaders_of(api: int) -> list[int]:
    """Return the process ids of a replica's loaders."""
    return [pid for pid in children(api) if comm(pid) == "percore-loader"]


def system_call(pid: int) -> str:
    """Return the number of the system call that a process waits in; "running" or "" otherwise."""
    try:
        return Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except (OSError, IndexError):
        return ""


def is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1] == "T"
    except OSError:
        return False


def kill_worker(pids: Sequence[int], chance: random.Random, aim_s: float) -> tuple[int, bool]:
    """Kill -9 one of the workers; return which, and whether it was computing.

    A worker is stopped before it is looked at: otherwise what was seen may be over by the time
    that the signal comes. One that turns out idle goes on, some microseconds later.

    Args:
        pids: workers to choose from.
        chance: chooses.
        aim_s: how long to look for a busy one; 0.0 takes the first, whatever it does.
    """
    until = time.monotonic() + aim_s
    while True:
        pid = chance.choice(list(pids))
        busy = _freeze(pid)
        if busy or time.monotonic() >= until:
            os.kill(pid, signal.SIGKILL)
            return pid, busy
        os.kill(pid, signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.003))


def stop_worker(pids: Sequence[int], chance: random.Random, aim_s: float = 1.0) -> tuple[int, bool]:
    """SIGSTOP one of the workers, a busy one if there is one; return which, and whether it was."""
    until = time.monotonic() + aim_s
    while True:
        pid = chance.choice(list(pids))
        busy = _freeze(pid)
        if busy or time.monotonic() >= until:
            return pid, busy
        os.kill(pid, signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.003))


def _freeze(pid: int) -> bool:
    """Stop a process and return whether it was doing anything but waiting for a batch."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + 0.5
    while not is_stopped(pid) and time.monotonic() < until:
        pass
    return system_call(pid) not in RECEIVE


def catch_writing(api: int, limit_s: float) -> int | None:
    """Kill -9 a worker in the middle of writing its answer; None if none was caught in time."""
    pids = workers_of(api)
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        for pid in pids:
            # Writing waits only when the socket's buffer is full: the frame is torn for certain.
            if system_call(pid) in SEND:
                os.kill(pid, signal.SIGKILL)
                return pid
        time.sleep(0.0005)
    return None
