"""What a swap over several API processes does next. Pure decisions: outcomes in, a step out.

    prepare ──▶ all have workers of the next set ──▶ flip ──▶ all have flipped ──▶ release
                        │ one has not                              │ one is late
                        ▼                                          ▼
                abandon: nobody flips                   it is ended, and the rest released

A process that has flipped begins no batch of the next set before the release. So the first answer
by a newer version is given when no process can give one by an older to a request that comes after.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Outcome(Enum):
    """How an API process did what it was told."""

    DONE = "done"
    FAILED = "failed"
    LATE = "late"
    GONE = "gone"


class Flip(NamedTuple):
    """All that are left shall flip."""

    processes: frozenset[int]


class Abandon(NamedTuple):
    """Nobody shall flip."""

    processes: frozenset[int]
    """Those that shall drop what they have prepared, if they have."""
    reason: str


class Release(NamedTuple):
    """Those that have flipped shall begin to answer, after the others were ended."""

    end: frozenset[int]
    processes: frozenset[int]


def after_prepare(outcomes: Mapping[int, tuple[Outcome, str]]) -> Flip | Abandon:
    """Return what follows when every API process has prepared, or has not.

    One that is gone is replaced, and its successor begins with whatever the others serve then.

    Args:
        outcomes: process's number → how it went, and the reason if it failed.
    """
    left = {one: how for one, how in outcomes.items() if how[0] is not Outcome.GONE}
    for _, (outcome, reason) in sorted(left.items()):
        if outcome is Outcome.FAILED:
            return Abandon(frozenset(left), reason)
        if outcome is Outcome.LATE:
            return Abandon(frozenset(left), "its workers did not get ready in time")
    if not left:
        return Abandon(frozenset(), "every API process ended while it was prepared")
    return Flip(frozenset(left))


def after_flip(outcomes: Mapping[int, Outcome]) -> Release:
    """Return what follows when every API process has flipped, or has not.

    Args:
        outcomes: process's number → how it went.
    """
    done = frozenset(one for one, how in outcomes.items() if how is Outcome.DONE)
    gone = frozenset(one for one, how in outcomes.items() if how is Outcome.GONE)
    return Release(frozenset(outcomes) - done - gone, done)
