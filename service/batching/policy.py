"""Batching, decided in plain code: no clock, no loop, no process.

When a worker is free, what waits goes at once. While all are busy, requests gather; the next free
worker takes the model whose oldest request waited longest, and as many of its requests as fit.
There is no timer, so a lone request never waits for company.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

Key = TypeVar("Key")


def next_lane(oldest: Mapping[Key, float]) -> Key | None:
    """Return the lane to serve next.

    Args:
        oldest: lane → when its oldest waiting request came, for lanes where something waits.
    """
    return min(oldest, key=oldest.__getitem__) if oldest else None


def batch_length(rows: Iterable[int], max_rows: int) -> int:
    """Return how many of the oldest requests travel together.

    Args:
        rows: rows of each waiting request, oldest first.
        max_rows: the most rows in a batch; one larger request travels alone.
    """
    total = count = 0
    for size in rows:
        total += size
        if total > max_rows and count:
            break
        count += 1
        if total >= max_rows:
            break
    return count


def may_queue(waiting: int, limit: int) -> bool:
    """Return whether one more request may wait."""
    return waiting < limit
