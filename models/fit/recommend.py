"""How many rows are enough, from a learning curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.stats import t as student

from models.fit.run import CurvePoint
from models.metrics import Metric

CONFIDENCE: Final = 0.95
"""Of the claim that a doubling brings less than what was asked for, one-sided."""


@dataclass(frozen=True)
class Doubling:
    """What twice the rows brought.

    Args:
        gain: mean over the repeats; above 0 is better, whatever the metric's direction.
        least: the gain is above this with `CONFIDENCE`, as far as chance in the draws goes.
        most: and below this.
    """

    gain: float
    least: float
    most: float


@dataclass(frozen=True)
class Recommendation:
    """The least number of rows that is enough, and why, in a sentence."""

    rows: int
    words: str


def recommend(metric: Metric, points: Sequence[CurvePoint], flat: float) -> Recommendation:
    """Return the least number of rows after which no doubling brings `flat` or more.

    A doubling counts as flat only if chance is not likely to hide more than `flat`. All doublings
    from the recommended size on must be flat; with none that is, all rows are recommended.

    Args:
        metric: that of the points.
        points: two or more, ascending in rows, a value a repeat, in the same order of repeats.
        flat: a difference of the metric.
    """
    steps = [doubling(metric, *pair) for pair in pairwise(points)]
    at = len(points) - 1
    while at > 0 and steps[at - 1].most < flat:
        at -= 1
    return Recommendation(points[at].rows, _words(metric, points, steps, at, flat))


def doubling(metric: Metric, smaller: CurvePoint, larger: CurvePoint) -> Doubling:
    """Return what the larger of two sizes brought.

    Each repeat's smaller draw is part of its larger one, so that their differences vary less than
    the values do (a paired t interval).
    """
    gains = np.array(
        [
            metric.gain(after, over=before)
            for before, after in zip(smaller.validation, larger.validation, strict=True)
        ]
    )
    mean = float(gains.mean())
    if len(gains) < 2:
        return Doubling(mean, float("-inf"), float("inf"))
    error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
    margin = float(student.ppf(CONFIDENCE, len(gains) - 1)) * error
    return Doubling(mean, mean - margin, mean + margin)


def _words(
    metric: Metric, points: Sequence[CurvePoint], steps: Sequence[Doubling], at: int, flat: float
) -> str:
    rows, last = points[-1].rows, steps[-1]
    brought = f"the last doubling brought {_amount(metric, last.gain)}"
    if at < len(points) - 1:
        first = at == 0
        smallest = " (the smallest number that was tried)" if first else ""
        return f"{points[at].rows:,} of {rows:,} rows are enough{smallest}: {brought}"
    if last.gain >= flat and last.least > 0:
        return f"all {rows:,} rows are needed: {brought}, and more rows would probably bring more"
    return (
        f"all {rows:,} rows are recommended: {brought}, but chance in the"
        f" draws hides whether it is up to {_amount(metric, last.most)}; more repeats would tell"
    )


def _amount(metric: Metric, gain: float) -> str:
    if metric.in_points:
        return f"{100 * gain:.1f} points of {metric.name}"
    direction = "less" if gain > 0 and not metric.greater_is_better else ""
    return f"{gain:.4g} {direction} {metric.name}".replace("  ", " ")
