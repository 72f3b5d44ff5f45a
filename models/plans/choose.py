"""Which form computes batches of which size: a pure function of what was measured."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from models.plans.plan import SCIKIT, SIZES, Plan, Range, Tried, Trust

WORTH_A_CHANGE: Final = 1.1
"""How many times faster another form must be than the one of the range before, than scikit-learn,
or than the form that an earlier plan had chosen: less may be noise."""
HEAVY: Final = "walked"
"""The form that needs a library which costs memory in the loader: numba, 100 MB."""
WORTH_ITS_MEMORY: Final = 1.3
"""How many times faster than every other form the heavy one must be in some small call, and …"""
WORTH_ITS_MEMORY_US: Final = 1_000.0
"""… how many microseconds it must save there: memory is paid for all day, and must buy what a
client can feel."""
SMALL_ROWS: Final = 64
"""Calls up to this size are those that somebody waits for; large ones are spread over workers."""


def choose(tried: Sequence[Tried], trust: Trust, former: Plan | None = None) -> tuple[Range, ...]:
    """Return the form for each range of batch sizes.

    Args:
        tried: all forms, scikit-learn first.
        trust: what differences are taken.
        former: an earlier plan of the same version and key; noise shall not change it.
    """
    if trust.policy == "off":
        return (Range(up_to_rows=None, form=SCIKIT),)
    able = [one for one in tried if one.form == SCIKIT or one.is_verified(trust)]
    if not _is_heavy_worth_it(able, former):
        able = [one for one in able if one.form != HEAVY]
    chosen: list[str] = []
    for rows in SIZES:
        kept = [_former(former, rows), *chosen[-1:], SCIKIT]
        chosen.append(_fastest(able, rows, [one for one in kept if one is not None]))
    return _as_ranges(chosen)


def limits() -> list[float]:
    """Return the largest batch for which each size speaks: halfway to the next, as a ratio."""
    between = [math.isqrt(one * other) for one, other in pairwise(SIZES)]
    return [*between, math.inf]


def _is_heavy_worth_it(able: Sequence[Tried], former: Plan | None) -> bool:
    """Return whether the heavy form saves enough in some small call."""
    heavy = next((one for one in able if one.form == HEAVY), None)
    if heavy is None:
        return False
    factor, saved_us = WORTH_ITS_MEMORY, WORTH_ITS_MEMORY_US
    if former is not None and any(one.form == HEAVY for one in former.ranges):
        # What was chosen is not given up for noise.
        factor, saved_us = 1 + (factor - 1) / 2, saved_us / 2
    for rows in SIZES:
        others_us = min(one.median_us(rows) for one in able if one.form != HEAVY)
        own_us = heavy.median_us(rows)
        if rows <= SMALL_ROWS and others_us >= max(factor * own_us, own_us + saved_us):
            return True
    return False


def _fastest(able: Sequence[Tried], rows: int, kept: Sequence[str]) -> str:
    """Return the fastest form, or the first of the kept ones that is hardly slower."""
    times = {one.form: one.median_us(rows) for one in able}
    best = min(times, key=times.__getitem__)
    for form in kept:
        if form in times and times[form] <= WORTH_A_CHANGE * times[best]:
            return form
    return best


def _former(former: Plan | None, rows: int) -> str | None:
    if former is None:
        return None
    return next(
        (one.form for one in former.ranges if one.up_to_rows is None or rows <= one.up_to_rows),
        None,
    )


def _as_ranges(chosen: Sequence[str]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for place, (form, limit) in enumerate(zip(chosen, limits(), strict=True)):
        if place + 1 < len(chosen) and chosen[place + 1] == form:
            continue
        ranges.append(Range(up_to_rows=None if math.isinf(limit) else int(limit), form=form))
    return tuple(ranges)
