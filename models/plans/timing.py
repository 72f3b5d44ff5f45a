"""How long calls of each form take, side by side."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from models.plans.plan import SIZES, Timing
from models.tables import Rows, as_taken, take_rows

TURN_S: Final = 0.12
"""Time for the calls of one size and form."""
LEAST: Final = 3
MOST: Final = 31
UNUSED: Final = 2
"""First calls that are not counted: they fill caches, and compile."""


def timings(forms: Sequence[Any], method: str, rows: Rows) -> list[tuple[Timing, ...]]:
    """Time all forms in turn, so that what disturbs the machine disturbs all of them.

    Args:
        forms: each with its `takes`.
        method: what is asked.
        rows: of which calls are made.

    Returns:
        A form's times, a size each, in the order of the forms.
    """
    each: list[list[Timing]] = [[] for _ in forms]
    for size in SIZES:
        starts = _starts(rows, size)
        rounds = _rounds(forms, method, rows, size)
        seen: list[list[float]] = [[] for _ in forms]
        for turn in range(rounds):
            start = starts[turn % len(starts)]
            some = take_rows(rows, slice(start, start + size))
            for form, times in zip(forms, seen, strict=True):
                times.append(_call_us(form, method, some))
        for times, found in zip(seen, each, strict=True):
            found.append(Timing(rows=size, median_us=median(times)))
    return [tuple(found) for found in each]


def _rounds(forms: Sequence[Any], method: str, rows: Rows, size: int) -> int:
    """Return how many calls there is time for, after a few that do not count."""
    slowest_us = 0.0
    for form in forms:
        some = take_rows(rows, slice(0, size))
        slowest_us = max(slowest_us, min(_call_us(form, method, some) for _ in range(UNUSED)))
    return int(min(MOST, max(LEAST, TURN_S * 1e6 / max(slowest_us, 1.0))))


def _starts(rows: Rows, size: int) -> list[int]:
    last = max(0, len(rows) - size)
    return [(size * 31 * turn) % (last + 1) for turn in range(8)]


def _call_us(form: Any, method: str, some: Any) -> float:
    begin = time.perf_counter_ns()
    getattr(form, method)(as_taken(some, form.takes))
    return (time.perf_counter_ns() - begin) / 1000
