"""TargetEncoder from streamed sums, and its cross-fitted versions for the training rows."""

from copy import copy
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from models.estimators import Estimator
from models.medium.learners.categories import Categories, distinct_rows
from models.medium.learners.moments import Moments, encodings, moments_of, nothing
from models.rows import Array


class ResponseLearner:
    """Response coding; of each fold the sums are kept apart, so that they can be left out.

    Args:
        step: the unfitted encoder.
        classes: of the target, ascending; None for regression.
        folds: how many.
    """

    def __init__(self, step: Estimator, classes: Array | None, folds: int) -> None:
        self._step = clone(step)
        self._classes = classes
        self._columns: list[Categories] = []
        self._dtypes: list[Any] = []
        outputs = 1 if classes is None or len(classes) <= 2 else len(classes)
        self._outputs = range(outputs)
        self._folds = range(folds)
        self._moments: dict[tuple[int, int, int], Moments] = {}

    def see(self, X: pd.DataFrame, y: Array, folds: Array) -> None:
        """Add each column's sums to those of the rows' folds."""
        if not self._columns:
            self._columns = [Categories(str(name)) for name in X.columns]
            self._dtypes = list(X.dtypes)
        targets = self._as_numbers(y)
        for column, categories in enumerate(self._columns):
            codes = categories.see(X.iloc[:, column])
            for fold in self._folds:
                inside = folds == fold
                for output in self._outputs:
                    found = moments_of(codes[inside], targets[inside, output], len(categories))
                    key = (fold, column, output)
                    self._moments[key] = self._moments.get(key, nothing()) + found

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the encoder of all rows."""
        rows = distinct_rows(self._columns, self._dtypes)
        targets = np.arange(2) + 0.5 if self._classes is None else self._classes
        needed = np.arange(max(len(rows), len(targets)))
        step = self._step.fit(
            rows.iloc[needed % len(rows)].reset_index(drop=True), targets[needed % len(targets)]
        )
        return self._with_sums(step, list(self._folds))

    def crossfitted(self, step: Estimator) -> list[Estimator]:
        """Return for each fold the encoder of all rows that are not in it.

        Args:
            step: what `fitted` returned.
        """
        return [
            self._with_sums(copy(step), [fold for fold in self._folds if fold != left_out])
            for left_out in self._folds
        ]

    def _with_sums(self, step: Estimator, folds: list[int]) -> Estimator:
        coded, means = [], []
        for column, categories in enumerate(self._columns):
            numbers = categories.numbers(step.categories_[column])
            for output in self._outputs:
                joined = nothing()
                for fold in folds:
                    joined = joined + self._moments[fold, column, output]
                mean, variance = joined.whole()
                means.append(mean)
                padded = joined + moments_of(np.zeros(0, np.int64), np.zeros(0), len(categories))
                of = Moments(padded.count[numbers], padded.total[numbers], padded.squares[numbers])
                coded.append(encodings(of, step.smooth, mean, variance))
        step.encodings_ = coded
        several = len(self._outputs) > 1
        step.target_mean_ = (
            np.array(means[: len(self._outputs)]) if several else np.float64(means[0])
        )
        return step

    def _as_numbers(self, y: Array) -> Array:
        """Return the targets as numbers, shape (n, outputs): each class its own 0 and 1."""
        if self._classes is None:
            return np.asarray(y, np.float64)[:, None]
        ones = self._classes[1:] if len(self._outputs) == 1 else self._classes
        numbers: Array = np.equal.outer(np.asarray(y), ones).astype(np.float64)
        return numbers
