"""Permutation importance on held-out rows (Breiman, 2001), over the raw input columns."""

import time
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from models.estimators import Estimator
from models.metrics import Metric
from models.report.drawing import BLUE, INK, Frame, Picture, draw, short
from models.report.judged import Judged, as_frame
from models.report.numbers import count, listing, say
from models.report.section import Block, Section, Words

MOST_CELLS: Final = 400_000
"""Columns x rows x repeats that are predicted."""
MOST_ROWS: Final = 1000
REPEATS: Final = 5
MOST_SECONDS: Final = 60.0
MOST_BARS: Final = 20


@dataclass(frozen=True)
class Importance:
    """By how much the score gets worse when a column is shuffled: a value a repeat."""

    column: str
    losses: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the repeats."""
        return float(np.mean(self.losses))

    @property
    def spread(self) -> float:
        """Standard deviation over the repeats."""
        return float(np.std(self.losses))


@dataclass(frozen=True)
class Importances:
    """The columns, most important first.

    Args:
        metric: what got worse.
        found: one a column that was looked at.
        rows: held-out rows that were used.
        skipped: columns that time did not suffice for.
    """

    metric: Metric
    found: tuple[Importance, ...]
    rows: int
    skipped: int = 0


def importances(model: Estimator, judged: Judged, metric: Metric, seed: int) -> Importances | None:
    """Shuffle each column in turn and look what it costs.

    Args:
        model: the fitted pipeline.
        judged: held-out rows.
        metric: what shall not get worse.
        seed: of the shuffles.

    Returns:
        None if the rows are no table, or too few.
    """
    frame = as_frame(judged.X)
    if frame is None or judged.rows < 10:
        return None
    rows = int(min(judged.rows, MOST_ROWS, max(50, MOST_CELLS // (REPEATS * frame.shape[1]))))
    kept = np.linspace(0, judged.rows - 1, rows).astype(int)
    X, y = frame.iloc[kept].reset_index(drop=True), judged.y[kept]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = metric.score(model, X, y)
        if np.isnan(base):
            return None
        found = []
        until = time.monotonic() + MOST_SECONDS
        for number in range(X.shape[1]):
            if time.monotonic() > until:
                break
            rng = np.random.default_rng([seed, number])
            losses = tuple(
                metric.gain(base, metric.score(model, _shuffled(X, number, rng), y))
                for _ in range(REPEATS)
            )
            found.append(Importance(str(X.columns[number]), losses))
    ordered = sorted(found, key=lambda one: -one.mean)
    return Importances(metric, tuple(ordered), rows, X.shape[1] - len(found))


def _shuffled(X: pd.DataFrame, number: int, rng: np.random.Generator) -> pd.DataFrame:
    shuffled = X.copy(deep=False)
    shuffled.isetitem(number, X.iloc[:, number].take(rng.permutation(len(X))).array)
    return shuffled


def importance_section(found: Importances | None) -> Section:
    """Return the bars, longest on top; nothing if nothing was found."""
    if found is None or not found.found:
        return Section("importance", "Permutation importance")
    blocks: list[Block] = [_bars(found)]
    if found.skipped:
        blocks.append(
            Words(
                f"The time of {MOST_SECONDS:g} s was over before {count(found.skipped, 'column')}"
                " had been shuffled."
            )
        )
    return Section("importance", "Permutation importance", tuple(blocks))


def _bars(found: Importances) -> Picture:
    shown = found.found[:MOST_BARS][::-1]
    loses = "falls" if found.metric.greater_is_better else "rises"
    idle = [one.column for one in found.found if one.mean <= 2 * one.spread]
    top = found.found[0]
    caption = (
        f"Shuffling {short(top.column, 40)} costs most: {found.metric.name} {loses} by"
        f" {say(top.mean)} ± {say(top.spread)} ({found.rows:,} held-out rows, {REPEATS} shuffles)."
    )
    if idle:
        names = listing([short(name, 30) for name in idle], 5)
        caption += f" Not told from noise: {names}."
    if len(found.found) > MOST_BARS:
        caption += f" {MOST_BARS} of {len(found.found):,} columns are drawn."
    caption += " Columns that say the same share their importance."
    frame = Frame("importance", "What the model leans on", caption, (4.6, 1.1 + 0.24 * len(shown)))

    def paint(axes: Axes) -> None:
        places = range(len(shown))
        axes.barh(places, [one.mean for one in shown], color=BLUE, height=0.7)
        axes.errorbar(
            [one.mean for one in shown], places, xerr=[one.spread for one in shown],
            fmt="none", ecolor=INK, elinewidth=1, capsize=2,
        )  # fmt: skip
        axes.set_yticks(places, [short(one.column) for one in shown])
        axes.set_xlabel(f"{found.metric.name} {loses} by")
        axes.grid(visible=False, axis="y")

    return draw(frame, paint)
