"""The processes of a replica, as /proc has them."""

import os
import signal
from pathlib import Path

from loadtest.errors import LoadTestError


def descendants(pid: int) -> list[int]:
    """Return the processes below one, parents first; those that end meanwhile may be missing."""
    found: list[int] = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def worker(pid: int, number: int) -> int:
    """Return a replica's worker process by its number: those at the ends of its tree, oldest first.

    Args:
        pid: of the replica's first process.
        number: from 0.

    Raises:
        LoadTestError: it has no worker of this number.
    """
    below = descendants(pid)
    leaves = sorted(each for each in below if not _children(each))
    # A service with its model in the first process has nothing below it, or a helper at most.
    deep = [each for each in leaves if each not in _children(pid)]
    if number >= len(deep):
        raise LoadTestError(
            f"process {pid} has {len(deep)} workers; there is no worker number {number}."
        )
    return deep[number]


def signal_tree(pid: int, number: signal.Signals) -> list[int]:
    """Send a signal to a process and all below it; return who got it."""
    hit = []
    for each in (pid, *descendants(pid)):
        try:
            os.kill(each, number)
        except ProcessLookupError:
            continue
        hit.append(each)
    return hit


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text(encoding="ascii").split()]
        except OSError:  # it ended while we looked
            continue
    return found
