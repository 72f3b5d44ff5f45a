"""Cores for what is started: a child inherits the cores of the thread that starts it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from loadtest.errors import ScenarioError


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Start processes inside this context on these cores alone; on all of ours if none is given.

    Set on this thread and put back, rather than in the child between fork and exec: code that runs
    there can hang a program that has threads.

    Raises:
        ScenarioError: this machine has no such core, or does not let us use it.
    """
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    if not set(cores) <= before:
        missing = ", ".join(map(str, sorted(set(cores) - before)))
        have = ", ".join(map(str, sorted(before)))
        raise ScenarioError(f"fleet: there is no core {missing} to pin to; we may use {have}.")
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
