"""Which rate is tried next: doubling until one fails, then halving what is between."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from loadtest.search.probe import Probe

Try = Callable[[float, int], Probe]
"""Tries a rate; the number makes the seed another one each time."""

PRECISION = 0.02
CONFIRMING_SHARE = 0.95
CONFIRMING_RUNS = 3
MAX_TRIES = 64


@dataclass
class Found:
    """What a search came to."""

    rate_per_s: float | None = None
    """The highest rate that was sustained, and whose 0.95-fold was so in fresh runs as well; None:
    there is none."""
    broke_at_per_s: float | None = None
    """The lowest rate above it that was not sustained; None: nothing higher was tried."""
    probes: list[Probe] = field(default_factory=list)
    """Those that looked for the rate, in the order in which they were made."""
    confirmations: list[Probe] = field(default_factory=list)
    """Fresh runs at 0.95 times the rate; if one failed, it is among the probes."""
    limit: Literal["fleet", "generator", "most"] = "fleet"
    """What kept the rate from being higher. If it is the generator, or the highest rate that was
    allowed, the fleet can do more."""


def search(
    attempt: Try,
    start_per_s: float,
    most_per_s: float,
    precision: float = PRECISION,
    confirmations: int = CONFIRMING_RUNS,
) -> Found:
    """Find the highest sustained rate.

    Doubling from `start_per_s` until a rate fails, then bisection until the gap is `precision` of
    the rate, then `confirmations` fresh runs at 0.95 times it. If one of those fails, the rate was
    luck: 0.95 times it is the new upper end, and the bisection goes on below.

    Args:
        attempt: tries a rate.
        start_per_s: the first rate; if it fails, it is halved, down to a 64th.
        most_per_s: no rate above it is tried.
        precision: of the rate.
        confirmations: how many runs must confirm.
    """
    found = Found()

    def sustains(rate_per_s: float) -> bool:
        found.probes += _tried(attempt, rate_per_s, len(found.probes))
        return found.probes[-1].sustained

    low, high = _bracket(sustains, found.probes, start_per_s, most_per_s)
    while low and len(found.probes) < MAX_TRIES:
        while high is not None and high - low > precision * low:
            middle = (low + high) / 2
            if sustains(middle):
                low = middle
            else:
                high = middle
        if _confirm(attempt, low, confirmations, found):
            found.rate_per_s = low
            break
        high = CONFIRMING_SHARE * low
        held = (probe.rate_per_s for probe in found.probes if probe.sustained)
        low = max((rate_per_s for rate_per_s in held if rate_per_s < high), default=0.0)
    found.broke_at_per_s = high
    found.limit = _limit(found.probes, high)
    return found


def _bracket(
    sustains: Callable[[float], bool],
    probes: Sequence[Probe],
    start_per_s: float,
    most_per_s: float,
) -> tuple[float, float | None]:
    """Return a rate that is sustained, 0 if there is none, and one that is not."""
    low, high = 0.0, math.inf
    rate_per_s = min(start_per_s, most_per_s)
    while high == math.inf:
        if sustains(rate_per_s):
            low = rate_per_s
            if low >= most_per_s:
                return low, None
            rate_per_s = min(2 * rate_per_s, most_per_s)
        else:
            high = rate_per_s
    # A generator that is late with the first rate tells nothing of lower ones.
    while not low and probes[-1].valid and high > start_per_s / 64:
        if sustains(high / 2):
            low = high / 2
        else:
            high /= 2
    return low, high


def _confirm(attempt: Try, rate_per_s: float, runs: int, found: Found) -> bool:
    """Try 0.95 times the rate so often; one failure is enough for no."""
    fresh: list[Probe] = []
    confirmed = 0
    while confirmed < runs:
        number = len(found.probes) + len(fresh)
        fresh += _tried(attempt, CONFIRMING_SHARE * rate_per_s, number)
        if not fresh[-1].sustained:
            found.probes += fresh
            return False
        confirmed += 1
    found.confirmations = [probe for probe in fresh if probe.valid]
    return True


def _tried(attempt: Try, rate_per_s: float, number: int) -> list[Probe]:
    """Try a rate, and once more if it was not valid: a busy moment of the machine is no limit."""
    first = attempt(rate_per_s, number)
    return [first] if first.valid else [first, attempt(rate_per_s, number + 1)]


def _limit(probes: Sequence[Probe], high: float | None) -> Literal["fleet", "generator", "most"]:
    """Say what kept the rate from being higher."""
    if high is None:
        return "most"
    breaking = [probe for probe in probes if probe.rate_per_s == high and not probe.sustained]
    return "generator" if breaking and not any(probe.valid for probe in breaking) else "fleet"
