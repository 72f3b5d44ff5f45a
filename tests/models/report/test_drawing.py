"""What a reader sees of a plot: numbers that stand apart, and axes that show the rows."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from models.report.against_value import scale_x
from models.report.columns import RawColumn
from models.report.drawing import Frame, draw

LEAST_GAP_PX = 4.0


@pytest.mark.parametrize("width", [4.6, 3.4])
@pytest.mark.parametrize(
    "ends", [(-16.2, 3.4), (0.0, 0.18), (-1e-4, 2e-4), (0, 20), (1995, 2026), (-250_000, 990_000)]
)
def test_numbers_along_an_axis_never_touch(ends: tuple[float, float], width: float) -> None:
    kept: list[Axes] = []

    def paint(axes: Axes) -> None:
        axes.hist(np.linspace(*ends, 200), bins=40)
        kept.append(axes)

    draw(Frame("name", "title", "caption", (width, 3.2)), paint)
    low, high = kept[0].get_xlim()
    shown = [
        label.get_window_extent()
        for at, label in zip(kept[0].get_xticks(), kept[0].get_xticklabels(), strict=True)
        if low <= at <= high
    ]
    assert len(shown) >= 2
    gaps = [right.x0 - left.x1 for left, right in pairwise(shown)]
    assert min(gaps) >= LEAST_GAP_PX


def column(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> RawColumn:
    return RawColumn("x", "number", pd.Series(values).astype(str), "x", values)


def test_what_is_spread_far_is_drawn_by_its_logarithm() -> None:
    rng = np.random.default_rng(0)
    assert column(rng.lognormal(4, 1.5, 3000)).far_spread
    assert column(np.append(rng.uniform(1, 2, 500), [1e6, np.nan])).far_spread
    for plain in (
        rng.normal(50, 5, 100_000), rng.exponential(1, 3000), rng.uniform(1, 2, 500),
        np.append(rng.uniform(0, 2, 500), [0.0, 1e6]), np.full(9, 3.0), np.full(3, np.nan),
    ):  # fmt: skip
        assert not column(plain).far_spread


@pytest.mark.parametrize("begin", ["2020-01-01", "2019-12-31T23:59:50", "2020-02-17T13:07:03"])
def test_dates_along_an_axis_are_few_and_nobody_is_warned(begin: str) -> None:
    """Of any span: 33 months and 130 days once warned of the library's own steps."""
    first = np.datetime64(begin, "s").astype(np.int64) / 86_400
    dates = RawColumn("x", "date", pd.Series(["2020-01-01"]), "x", np.zeros(1))
    kept: list[Axes] = []

    def paint(axes: Axes) -> None:
        scale_x(axes, dates)
        kept.append(axes)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(Frame("name", "title", "caption"), paint)
        for days in np.geomspace(60 / 86_400, 36_500, 200):
            kept[0].set_xlim(first, first + days)
            ticks = np.asarray(kept[0].get_xticks())
            shown = int(((ticks >= first) & (ticks <= first + days)).sum())
            assert 1 <= shown <= 6, days
