"""Batching, decided in plain code: no clock, no loop, no process.

When a worker is free, what waits goes at once. While all are busy, requests gather; the next free
worker takes the request whose turn it is, and as many others of its model as fit. There is no
timer, so a lone request never waits for company.
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")

HANG_FACTOR = 20.0
HASTY_FACTOR = 5.0
HANG_FLOOR_S = 1.0
RETRY_SHARE = 0.4
SEARCH_SHARE = 0.5


Turn = tuple[float, float, float]
"""A client's turn, a priority's within the client, and since when the request waits."""


def next_lane(turns: Mapping[Key, Turn]) -> Key | None:
    """Return the lane to serve next.

    Args:
        turns: lane → whose turn it is there, for lanes where something waits; the lowest is next.
    """
    return min(turns, key=turns.__getitem__) if turns else None


def fits(taken_rows: int, rows: int, batch_rows: int) -> bool:
    """Return whether one more request joins a batch; one larger than a batch travels alone.

    Args:
        taken_rows: rows in the batch so far.
        rows: rows of the request.
        batch_rows: the most rows in a batch.
    """
    return not taken_rows or taken_rows + rows <= batch_rows


def is_too_late(now: float, enqueued_at: float, deadline: float, predicted_s: float) -> bool:
    """Return whether a request that waited cannot be done in time any more.

    One that never could is not too late: if nobody tried, a prediction that is wrong would stay.
    """
    return now + predicted_s > deadline >= enqueued_at + predicted_s


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


def search_limits_s(hang_s: float, remaining_s: float, ceiling_s: float) -> tuple[float, float]:
    """Return how long a worker may look for the rows that fail, and when it is ended after all.

    Args:
        hang_s: the limit of an ordinary batch.
        remaining_s: what is left of the request's deadline.
        ceiling_s: no batch runs longer than this.

    A search takes many calls, so what was learned of one call says nothing of it. It ends itself
    halfway: the call that is running then, and the answer, still fit.
    """
    limit_s = max(hang_s, min(RETRY_SHARE * remaining_s, ceiling_s))
    return SEARCH_SHARE * min(limit_s, max(remaining_s, 0.0)), limit_s
