"""Workers pinned to cores: each computes on one of its own, and the system moves it no more."""

import os
from collections.abc import Sequence
from contextlib import suppress


class Pins:
    """Which worker has which core.

    Args:
        cores: one a worker; none if nobody is pinned.
    """

    def __init__(self, cores: Sequence[int]) -> None:
        self._free = list(cores)
        self._taken: dict[int, int] = {}

    def pin(self, worker: int, pid: int) -> None:
        """Pin a worker that begins to take batches to the core that is free; a spare has none."""
        if self._free:
            core = self._taken[worker] = self._free.pop(0)
            # It may have ended by now; or the container has lost this core: it runs where it can.
            with suppress(OSError):
                os.sched_setaffinity(pid, {core})

    def free(self, worker: int) -> None:
        """Take back the core of a worker that is gone."""
        if worker in self._taken:
            self._free.append(self._taken.pop(worker))


def share_cores(cores: Sequence[int], workers: Sequence[int]) -> list[tuple[int, ...]]:
    """Deal out cores, one a worker, in turn: with more workers than cores some share one.

    Args:
        cores: those that may be used.
        workers: how many workers each API process has.

    Returns:
        The cores of each process's workers.
    """
    dealt, first = [], 0
    for count in workers:
        dealt.append(tuple(cores[(first + turn) % len(cores)] for turn in range(count)))
        first += count
    return dealt
