"""A raw column against a target that is a class."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from models.report.against_value import scale_x
from models.report.boxes import MOST_GROUPS, grouped, paint_boxes, tall
from models.report.columns import RawColumn, in_order
from models.report.drawing import Frame, Picture, draw, legend, short
from models.report.numbers import count, listing, percent, say
from models.report.section import Words

MOST_SHARES: Final = 6
"""Classes in a bar; the rest of it stays empty."""


def against_class(name: str, column: RawColumn, target: RawColumn) -> Picture | Words:
    """Draw a box a class for a number or a date, and the classes' shares for categories.

    Args:
        name: of the plot.
        column: a column that can be drawn.
        target: its `texts` are the classes.
    """
    title = f"{short(column.name, 40)} by {short(target.name, 40)}"
    if column.kind == "category":
        return _shares(Frame(name, title, ""), column, target)
    groups = grouped(target.texts, column.numbers)
    if not groups:
        return Words(f"Not drawn: {short(column.name, 40)} has no value where there is a class.")
    medians = [
        f"{short(one, 20)} {_median_words(column, float(np.median(values)))}"
        for one, values in groups.items()
    ]
    caption = f"Medians: {listing(medians, 6)}.{column.missing_words}"

    def paint(axes: Axes) -> None:
        paint_boxes(axes, groups, column.axis, target.axis)
        scale_x(axes, column)

    return draw(Frame(name, title, caption, tall(len(groups))), paint)


def _median_words(column: RawColumn, median: float) -> str:
    if column.kind != "date":
        return say(median)
    return f"{pd.Timestamp('1970-01-01') + pd.Timedelta(days=median):%Y-%m-%d}"


def _shares(frame: Frame, column: RawColumn, target: RawColumn) -> Picture:
    rows = in_order(column.texts, MOST_GROUPS)
    classes = sorted(in_order(target.texts, MOST_SHARES))
    sizes = column.texts.value_counts()
    shares = pd.crosstab(column.texts, target.texts, normalize="index")
    shares = shares.reindex(index=rows, columns=classes, fill_value=0.0)
    caption = _share_words(shares, sizes) + column.missing_words
    width, height = tall(len(rows))
    taller = Frame(frame.name, frame.title, caption, (width, height + 0.4))

    def paint(axes: Axes) -> None:
        left = np.zeros(len(rows))
        places = range(len(rows))
        for one in classes:
            axes.barh(places, shares[one], left=left, label=short(one, 14), height=0.7)
            left += shares[one].to_numpy()
        axes.set_yticks(places, [f"{short(one)} ({int(sizes[one]):,})" for one in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of rows")
        axes.set_ylabel(short(column.axis, 30))
        axes.grid(visible=False)
        legend(axes, len(classes))

    return draw(taller, paint)


def _share_words(shares: pd.DataFrame, sizes: "pd.Series[Any]") -> str:
    ranges = {one: float(np.ptp(shares[one].to_numpy())) for one in shares.columns}
    one = max(ranges, key=lambda name: ranges[name])
    low, high = str(shares[one].idxmin()), str(shares[one].idxmax())
    words = (
        f"The share of {short(one, 30)} is lowest for {short(low, 30)}"
        f" ({percent(float(shares[one][low]))} of {count(int(sizes[low]), 'row')}) and highest for"
        f" {short(high, 30)} ({percent(float(shares[one][high]))} of"
        f" {count(int(sizes[high]), 'row')})."
    )
    if len(shares) < len(sizes):
        words += f" {len(shares)} of {count(len(sizes), 'category')} are drawn."
    return words
