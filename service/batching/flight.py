"""A batch that a worker has, and when the worker will be free of it."""

from collections.abc import Iterable
from typing import NamedTuple

from service.batching.entry import Entry
from service.batching.lane import Lane
from service.batching.quarantine import Key


class Flight(NamedTuple):
    """A batch that a worker has."""

    lane: Lane
    entries: list[Entry]
    suspect: Key | None
    """The input that is tried once more, alone; None for an ordinary batch."""
    ends_at: float
    """When it should come back, in monotonic seconds."""


def free_in_s(flights: Iterable[Flight], idle: int, now: float) -> list[float]:
    """Return when each worker is free, ascending; at least one.

    Args:
        flights: the batches that workers have.
        idle: workers that have none.
        now: monotonic seconds.

    A batch that is overdue is expected to take as long again as it is late.
    """
    free = [abs(flight.ends_at - now) for flight in flights]
    free += [0.0] * idle
    free.sort()
    return free or [0.0]  # all are gone, and the first new one will be there in a moment
