"""A raw column against a target that is a number."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import (
    DAILY,
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    AutoDateLocator,
    ConciseDateFormatter,
)

from models.report.boxes import OTHER, Groups, grouped, paint_boxes, tall
from models.report.columns import RawColumn
from models.report.drawing import BLUE, ORANGE, POINTS, Frame, Picture, draw, log_scale, short
from models.report.judged import Floats
from models.report.numbers import count, say
from models.report.regression import trend

_MOST_DATES: Final = 6
_LONGEST: Final = {MONTHLY: 12, DAILY: 31, HOURLY: 24, MINUTELY: 60, SECONDLY: 60}
"""A whole next unit, which AutoDateLocator does not know: of six steps each they are too few to
reach where it takes the next unit, and it warns."""


def against_value(name: str, column: RawColumn, target: RawColumn) -> Picture:
    """Draw a cloud with its trend for a number or a date, and boxes for categories.

    Args:
        name: of the plot.
        column: a column that can be drawn.
        target: its `numbers` are drawn.
    """
    title = f"{short(target.name, 40)} by {short(column.name, 40)}"
    if column.kind == "category":
        groups = grouped(column.texts, target.numbers)
        frame = Frame(name, title, _box_words(groups, column), tall(len(groups)))
        return draw(frame, lambda axes: paint_boxes(axes, groups, target.axis, column.axis))
    kept = np.isfinite(column.numbers) & np.isfinite(target.numbers)
    x, y = column.numbers[kept], target.numbers[kept]
    frame = Frame(name, title, _cloud_words(x, y) + column.missing_words)
    return draw(frame, lambda axes: _paint_cloud(axes, column, target, (x, y)))


def scale_x(axes: Axes, column: RawColumn) -> None:
    """Write dates along x if the column is one; draw what is spread far by its logarithm."""
    if column.far_spread:
        log_scale(axes)
        axes.set_xlabel(f"{short(column.axis, 30)}, logarithmic")
    if column.kind == "date":
        locator = _date_locator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _date_locator() -> AutoDateLocator:
    locator = AutoDateLocator(maxticks=_MOST_DATES)  # type: ignore[no-untyped-call]
    for unit, steps in _LONGEST.items():
        locator.intervald[unit] = [*locator.intervald[unit], steps]
    return locator


def _paint_cloud(
    axes: Axes, column: RawColumn, target: RawColumn, points: tuple[Floats, Floats]
) -> None:
    x, y = points
    kept = np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int)
    axes.scatter(x[kept], y[kept], s=11, color=BLUE, alpha=0.6, linewidths=0, rasterized=True)
    middles, medians = trend(x, y)
    if len(middles) > 1:
        axes.plot(middles, medians, color=ORANGE, marker="o", markersize=3.5)
    axes.set_xlabel(short(column.axis, 40))
    axes.set_ylabel(short(target.axis, 30))
    scale_x(axes, column)


def _cloud_words(x: Floats, y: Floats) -> str:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return "Too few different values to say anything."
    rho = float(pd.Series(x).corr(pd.Series(y), method="spearman"))
    words = f"Rank correlation {say(rho, 2)}."
    _, medians = trend(x, y)
    if len(medians) > 1:
        words += (
            f" The target's median goes from {say(medians[0])} at the low end to"
            f" {say(medians[-1])} at the high end (line: medians of parts with equally many rows)."
        )
    return words


def _box_words(groups: Groups, column: RawColumn) -> str:
    means = {group: float(values.mean()) for group, values in groups.items() if group != OTHER}
    low, high = min(means, key=lambda one: means[one]), max(means, key=lambda one: means[one])
    words = (
        f"The mean is lowest for {short(low, 30)} ({say(means[low])},"
        f" {count(len(groups[low]), 'row')}) and highest for {short(high, 30)}"
        f" ({say(means[high])}, {count(len(groups[high]), 'row')})."
    )
    if OTHER in groups:
        words += f" {len(means)} of {count(column.texts.nunique(), 'category')} are drawn."
    return words + column.missing_words
