"""Batching, decided in plain code: no clock, no loop, no process.

When a worker is free, what waits goes at once. While all are busy, requests gather; the next free
worker takes the model whose oldest request waited longest, and as many of its requests as fit.
There is no timer, so a lone request never waits for company.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

Key = TypeVar("Key")

HANG_FACTOR = 20.0
HASTY_FACTOR = 5.0
HANG_FLOOR_S = 1.0
RETRY_SHARE = 0.4


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


def hang_limit_s(expected_s: float, remaining_s: float, ceiling_s: float) -> float:
    """Return how long a batch may run before its worker is ended.

    Args:
        expected_s: what such a batch has taken at the most; 0.0 if nothing is known yet.
        remaining_s: what is left of the earliest deadline in the batch.
        ceiling_s: never longer than this.

    A retry must still fit, so the limit is 40 % of what is left. But no client may have a worker
    ended by its haste: below a second, and below a few times the expected, nothing is ended.
    """
    if expected_s == 0.0:
        return ceiling_s
    patient = max(HANG_FACTOR * expected_s, HANG_FLOOR_S)
    hasty = max(RETRY_SHARE * remaining_s, HASTY_FACTOR * expected_s, HANG_FLOOR_S)
    return min(patient, hasty, ceiling_s)
