"""Box plots of numbers by group."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from models.report.columns import in_order
from models.report.drawing import BLUE, INK, ORANGE, short
from models.report.judged import Floats

MOST_GROUPS: Final = 10
OTHER: Final = "(all others)"

Groups = Mapping[str, Floats]


def grouped(texts: "pd.Series[Any]", numbers: Floats) -> dict[str, Floats]:
    """Return the finite numbers of each text; of many texts the rarest are one group.

    Args:
        texts: numbered from 0; None belongs to no group.
        numbers: as long.
    """
    usable = np.isfinite(numbers)
    names = in_order(texts, texts.nunique())
    if len(names) > MOST_GROUPS:
        names = in_order(texts, MOST_GROUPS - 1)
    groups = {name: numbers[(texts == name).to_numpy() & usable] for name in names}
    others = texts.notna().to_numpy() & ~texts.isin(names).to_numpy() & usable
    groups[OTHER] = numbers[others]
    return {name: values for name, values in groups.items() if len(values)}


def tall(groups: int) -> tuple[float, float]:
    """Return the size of a plot with so many groups one below the other, in inches."""
    return 4.6, max(2.0, 1.1 + 0.3 * groups)


def paint_boxes(axes: Axes, groups: Groups, along: str, across: str) -> None:
    """Draw a box a group: quartiles, median, whiskers of 1.5 times the box; the first on top."""
    names = list(groups)[::-1]
    line = {"color": INK, "linewidth": 0.8}
    outlier = {"marker": ".", "markersize": 4, "markerfacecolor": BLUE, "alpha": 0.5}
    axes.boxplot(
        [groups[one] for one in names],
        orientation="horizontal",
        tick_labels=[f"{short(one)} ({len(groups[one]):,})" for one in names],
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": BLUE, "edgecolor": INK, "linewidth": 0.8},
        medianprops={"color": ORANGE, "linewidth": 2},
        whiskerprops=line,
        capprops=line,
        flierprops=outlier | {"markeredgecolor": "none", "rasterized": True},
    )
    axes.set_xlabel(short(along, 40))
    axes.set_ylabel(short(across, 30))
    axes.grid(visible=False, axis="y")
