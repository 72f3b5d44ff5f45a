"""What a learner does, and the learners that have next to nothing to do."""

from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.base import clone

from models.estimators import Estimator
from models.rows import Array, Rows


class Learner(Protocol):
    """Learns one step of a pipeline, in as many passes over the rows as it needs."""

    def see(self, X: Any, y: Array, folds: Array) -> None:
        """Take a batch.

        Args:
            X: rows as the step takes them.
            y: their targets.
            folds: of each row the number of its fold, for what is fitted crosswise.
        """

    def end_pass(self) -> bool:
        """Return whether all is known; if not, it must see all rows once more."""

    def fitted(self) -> Estimator:
        """Return the fitted step."""


class FromFirstBatch:
    """A step that learns nothing but names and numbers of columns, or only a constant."""

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)
        self._known = False

    def see(self, X: Rows, y: Array, folds: Array) -> None:
        """Fit on the first batch."""
        if not self._known:
            self._step.fit(X)
            self._known = True

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the step."""
        return self._step


class ByPartialFit:
    """A step that scikit-learn itself fits batch by batch: StandardScaler, MinMaxScaler."""

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)

    def see(self, X: Rows, y: Array, folds: Array) -> None:
        """Pass the batch on."""
        self._step.partial_fit(X)

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the step."""
        return self._step


class FromLowest:
    """A step that learns only the smallest value of each column: fitted on these, as one row."""

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)
        self._lowest: Array | None = None
        self._like: Rows | None = None

    def see(self, X: Rows, y: Array, folds: Array) -> None:
        """Take the smallest values, NaN left out."""
        if self._lowest is None:
            self._lowest, self._like = np.full(X.shape[1], np.nan), X[:0]
        self._lowest = np.fmin(self._lowest, np.fmin.reduce(as_numbers(X), axis=0))

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the step."""
        return self._step.fit(like(self._like, [self._lowest]))


class WhereMissing:
    """MissingIndicator: fitted on one full row and one with all the holes that were ever seen."""

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)
        self._missing: Array = np.zeros(0, bool)
        self._like: Rows | None = None

    def see(self, X: Rows, y: Array, folds: Array) -> None:
        """Note which columns have holes."""
        found = pd.DataFrame(X).isna().any(axis=0).to_numpy()
        if self._like is None:
            self._missing, self._like = found, X[:0]
        self._missing = self._missing | found

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the step."""
        holes = np.where(self._missing, np.nan, 0.0)
        return self._step.fit(like(self._like, [np.zeros_like(holes), holes]))


def as_numbers(X: Rows) -> Array:
    """Return float64 of shape (n, columns); None is NaN."""
    return np.asarray(X, dtype=np.float64)


def like(X: Rows | None, rows: Any) -> Rows:
    """Return rows of numbers in the container of X, with its columns' names.

    Raises:
        ValueError: X is None: no row was seen.
    """
    if X is None:
        raise ValueError("no row was seen")
    numbers = np.asarray(rows, dtype=np.float64)
    return pd.DataFrame(numbers, columns=X.columns) if isinstance(X, pd.DataFrame) else numbers
