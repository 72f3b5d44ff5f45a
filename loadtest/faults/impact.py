"""What a fault did to the requests: pure computation on records and the balancer's events.

All times are seconds from the start of the load. A request belongs to the moment at which it was
due, so that a fleet that answers nothing is seen to answer nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from loadtest.record import Outcome, Record

BACK = 0.95
"""Goodput is back when this share of what it was before is reached for a whole window."""
WINDOW_S = 1.0
STEP_S = 0.1
BEFORE_WINDOWS = 5
"""How far back "before" reaches."""
AWAY = frozenset({"ejected", "not_ready", "draining"})
"""Events by which the balancer leaves a replica alone."""


@dataclass(frozen=True)
class Injected:
    """A fault as it happened."""

    kind: str
    replica: str
    """Empty if it hit no replica alone."""
    began_s: float
    ended_s: float
    """When it was taken back; the same as `began_s` if there is nothing to take back."""
    note: str = ""


@dataclass(frozen=True)
class Event:
    """A change of a replica's standing, as our balancer saw it."""

    event: str
    replica: str
    at_s: float


@dataclass(frozen=True)
class Promise:
    """What a request must be to count as good, and how the load came."""

    limit_s: float
    """Latency from the intended start."""
    share: float
    """Of requests that must be good: the SLO's percentile."""
    open_loop: bool
    """Requests came whatever happened, so that the share of good ones tells; in a closed loop only
    their number does, for a slow fleet is asked less."""


@dataclass(frozen=True)
class Impact:
    """What one fault did, until the next one began."""

    fault: Injected
    in_flight: int
    """Requests sent and not answered when it began."""
    detect_s: float | None
    """From its beginning until the balancer left the replica alone; None: it never did, or nobody
    knows, for proxies of others tell nothing."""
    last_failure_s: float | None
    """From its beginning until the last request was due that was not answered right; None: every
    one was."""
    recover_s: float | None
    """From its beginning until goodput was back; 0: it never fell; None: it never came back."""
    violation_s: float
    """Time during which less than the promised share of requests was good."""
    wrong: int
    lost: int
    refused: int


def impacts(
    faults: Sequence[Injected],
    records: Sequence[Record],
    events: Sequence[Event],
    promise: Promise,
    ends_s: float,
) -> list[Impact]:
    """Return what each fault did.

    Args:
        faults: in the order of their beginnings.
        records: all requests.
        events: what the balancer saw; empty if it tells nothing.
        promise: what is good.
        ends_s: of the load.
    """
    found = []
    for number, fault in enumerate(faults):
        later = [each.began_s for each in faults[number + 1 :] if each.began_s > fault.began_s]
        until_s = min([*later, ends_s])
        found.append(_impact(fault, records, events, promise, until_s))
    return found


def _impact(
    fault: Injected,
    records: Sequence[Record],
    events: Sequence[Event],
    promise: Promise,
    until_s: float,
) -> Impact:
    began_s = fault.began_s
    mine = [each for each in records if began_s <= each.intended_s < until_s]
    ends = [each.outcome for each in mine]
    failed_s = [each.intended_s for each in mine if each.outcome is not Outcome.RIGHT]
    away_s = [
        each.at_s
        for each in events
        if each.event in AWAY
        and began_s <= each.at_s < until_s
        and fault.replica in {"", each.replica}
    ]
    return Impact(
        fault=fault,
        in_flight=sum(each.sent_s <= began_s < each.done_s for each in records),
        detect_s=min(away_s) - began_s if away_s else None,
        last_failure_s=max(failed_s) - began_s if failed_s else None,
        recover_s=recovery_s(records, promise, fault, until_s),
        violation_s=violation_s(mine, promise, began_s, until_s),
        wrong=ends.count(Outcome.WRONG),
        lost=ends.count(Outcome.LOST),
        refused=ends.count(Outcome.REFUSED),
    )


def recovery_s(
    records: Sequence[Record], promise: Promise, fault: Injected, until_s: float
) -> float | None:
    """Return how long after a fault's beginning goodput was what it was before.

    Windows of a second are looked at every tenth of one. Before the first that is below, goodput
    has not fallen; the first after it that is not ends the fall. A fall that begins later than a
    window after the fault was taken back is somebody else's.

    Returns:
        0 if it never fell, None if it never came back or there is no "before".
    """
    began_s = fault.began_s
    goodput = _Goodput(records, promise)
    before = goodput.usual(began_s)
    if not before:
        return None
    fell = False
    for step in range(int((until_s - WINDOW_S - began_s) / STEP_S) + 1):
        start_s = began_s + step * STEP_S
        if not fell and start_s > fault.ended_s + WINDOW_S:
            return 0.0
        now = goodput.between(start_s, start_s + WINDOW_S)
        low = now is not None and now < BACK * before
        if fell and not low:
            return step * STEP_S
        fell = fell or low
    return None if fell else 0.0


def violation_s(
    records: Sequence[Record], promise: Promise, began_s: float, until_s: float
) -> float:
    """Return the time, in slices of a tenth of a second, in which the promise was broken."""
    slices: dict[int, list[bool]] = {}
    for each in records:
        if began_s <= each.intended_s < until_s:
            place = int((each.intended_s - began_s) / STEP_S)
            slices.setdefault(place, []).append(is_good(each, promise))
    return STEP_S * sum(sum(good) < promise.share * len(good) for good in slices.values())


def is_good(record: Record, promise: Promise) -> bool:
    """Return whether a request was answered right and in time."""
    return record.outcome is Outcome.RIGHT and record.latency_s <= promise.limit_s


class _Goodput:
    """Goodput between any two times, for two searches each."""

    def __init__(self, records: Sequence[Record], promise: Promise) -> None:
        ordered = sorted(records, key=lambda each: each.intended_s)
        self._due_s = np.array([each.intended_s for each in ordered])
        self._good = np.cumsum([0, *(is_good(each, promise) for each in ordered)])
        self._open_loop = promise.open_loop

    def usual(self, until_s: float) -> float | None:
        """Return the median of the windows before a time: an earlier fault may have spoilt one."""
        windows = range(1, min(BEFORE_WINDOWS, int(until_s / WINDOW_S)) + 1)
        starts_s = [until_s - number * WINDOW_S for number in windows]
        found = [self.between(start_s, start_s + WINDOW_S) for start_s in starts_s]
        known = [each for each in found if each is not None]
        return median(known) if known else None

    def between(self, from_s: float, to_s: float) -> float | None:
        """Return the share of good requests of an open loop, or their rate in a closed one."""
        first, last = np.searchsorted(self._due_s, [from_s, to_s])
        good = int(self._good[last] - self._good[first])
        if self._open_loop:
            return good / int(last - first) if last > first else None
        return good / (to_s - from_s) if to_s > from_s else None
