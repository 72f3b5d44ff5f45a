"""What imputers and scalers of numbers learn: means, medians, quantiles, the most frequent."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from sklearn.base import clone

from models.errors import BadData
from models.estimators import Estimator
from models.medium.learners.learner import as_numbers, like
from models.medium.learners.order import OrderStatistics
from models.medium.learners.tally import Tally
from models.rows import Array, Rows

MOST_DISTINCT: Final = 1_000_000
"""So many distinct numbers are counted to find the most frequent one."""


class Columnwise:
    """Base of learners that look at each column's numbers and end with a few rows to fit on.

    The rows are such that the step learns from them exactly what it would learn from all: the mean
    of one number is that number, and five rows have any three quartiles.
    """

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)
        self._like: Rows | None = None

    def see(self, X: Rows, y: Array, folds: Array) -> None:
        """Take each column's numbers, missing ones left out."""
        numbers = as_numbers(X)
        if self._like is None:
            self._like = X[:0]
            self._begin(X.shape[1])
        for position, column in enumerate(numbers.T):
            self._see_column(position, column[~np.isnan(column)])

    def fitted(self) -> Estimator:
        """Return the step."""
        return self._step.fit(self._as_typed(like(self._like, self._rows())))

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def _as_typed(self, rows: Rows) -> Rows:
        return rows

    def _begin(self, columns: int) -> None:
        raise NotImplementedError

    def _see_column(self, position: int, numbers: Array) -> None:
        raise NotImplementedError

    def _rows(self) -> Array:
        raise NotImplementedError


class Means(Columnwise):
    """SimpleImputer(strategy="mean")."""

    def _begin(self, columns: int) -> None:
        self._sums: list[list[float]] = [[] for _ in range(columns)]
        self._counts = [0] * columns

    def _see_column(self, position: int, numbers: Array) -> None:
        self._sums[position].append(float(numbers.sum()))
        self._counts[position] += len(numbers)

    def _rows(self) -> Array:
        means = [
            math.fsum(sums) / count if count else np.nan
            for sums, count in zip(self._sums, self._counts, strict=True)
        ]
        return np.array([means])


class MostFrequent(Columnwise):
    """SimpleImputer(strategy="most_frequent") of numbers; of several the smallest."""

    def _begin(self, columns: int) -> None:
        self._tallies = [Tally() for _ in range(columns)]

    def _see_column(self, position: int, numbers: Array) -> None:
        tally = self._tallies[position]
        tally.see(numbers)
        if len(tally.values) > MOST_DISTINCT:
            raise BadData(
                f"a numeric column with impute = most_frequent has more than {MOST_DISTINCT:,}"
                " different values; take impute = median"
            )

    def _rows(self) -> Array:
        return np.array([[_commonest(tally) for tally in self._tallies]])

    def _as_typed(self, rows: Rows) -> Rows:
        # Here the imputer keeps the type of the rows: whole numbers stay whole.
        if isinstance(rows, pd.DataFrame) and isinstance(self._like, pd.DataFrame):
            return rows.astype(self._like.dtypes)
        return rows


class Quantiles(Columnwise):
    """RobustScaler, and SimpleImputer(strategy="median"): exact, in a few passes."""

    def __init__(self, step: Estimator, percents: Sequence[float] = (50.0,)) -> None:
        super().__init__(step)
        self._percents = percents
        self._columns: list[OrderStatistics] = []
        self._open: list[OrderStatistics] = []

    def end_pass(self) -> bool:
        """Return whether all columns' quantiles are found."""
        self._open = [column for column in self._open if not column.end_pass()]
        return not self._open

    def _begin(self, columns: int) -> None:
        self._columns = [OrderStatistics(self._ranks) for _ in range(columns)]
        self._open = list(self._columns)

    def _see_column(self, position: int, numbers: Array) -> None:
        if self._columns[position] in self._open:
            self._columns[position].see(numbers)

    def _ranks(self, count: int) -> list[int]:
        places = [percent / 100 * (count - 1) for percent in self._percents]
        return [rank for at in places for rank in (math.floor(at), math.ceil(at))] if count else []

    def _rows(self) -> Array:
        found = np.array([[_quantile(one, p) for one in self._columns] for p in self._percents])
        # Of five rows, the quartiles are the second, third and fourth.
        return found if len(found) == 1 else found[[0, 0, 1, 2, 2]]


def _commonest(tally: Tally) -> float:
    return float(tally.values[tally.counts.argmax()]) if len(tally.values) else np.nan


def _quantile(column: OrderStatistics, percent: float) -> float:
    if column.count == 0:
        return float("nan")
    place = percent / 100 * (column.count - 1)
    below, above = column.at(math.floor(place)), column.at(math.ceil(place))
    if percent == 50.0:
        return float(np.mean([below, above]))
    # As numpy interpolates, to the last bit.
    part = place - math.floor(place)
    step = above - below
    return above - step * (1 - part) if part >= 0.5 else below + step * part
