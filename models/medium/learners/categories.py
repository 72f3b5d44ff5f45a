"""The distinct values of a column of categories, each with a number."""

from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.base import clone

from models.errors import BadData
from models.estimators import Estimator
from models.rows import Array

MOST_CATEGORIES: Final = 500_000
"""More values than this are no categories; and they would be in memory several times."""


class Categories:
    """Numbers the values of one column in the order in which they come; 0 is a missing one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._values: pd.Index[Any] = pd.Index([])
        self._missing: pd.Series[Any] | None = None

    def __len__(self) -> int:
        """Return how many numbers are in use, that of the missing value always among them."""
        return len(self._values) + 1

    def see(self, column: "pd.Series[Any]") -> Array:
        """Return each row's number; new values get new ones.

        Raises:
            BadData: there are too many different values.
        """
        codes, found = pd.factorize(column, use_na_sentinel=True)
        if self._missing is None and (codes < 0).any():
            self._missing = column[codes < 0].iloc[:1]
        found = pd.Index(found)
        new = found[~found.isin(self._values)] if len(self._values) else found
        self._values = self._values.append(new) if len(self._values) else new
        if len(self) > MOST_CATEGORIES:
            raise BadData(
                f"column {self.name!r} has more than {MOST_CATEGORIES:,} different values: it is no"
                " category; leave it out, or take kind = text with hashed = true"
            )
        return np.concatenate([self._values.get_indexer(found) + 1, [0]])[codes]

    def distinct(self, dtype: Any) -> "pd.Series[Any]":
        """Return each value once, a missing one last if there was any."""
        values: pd.Series[Any] = pd.Series(self._values, dtype=dtype)
        if self._missing is None:
            return values
        both: pd.Series[Any] = pd.concat([values, self._missing.astype(dtype)], ignore_index=True)
        return both

    def numbers(self, categories: Array) -> Array:
        """Return the number of each value, as an encoder lists them."""
        missing = pd.isna(categories)
        found = np.zeros(len(categories), np.int64)
        found[~missing] = self._values.get_indexer(pd.Index(categories[~missing])) + 1
        return found


class EncoderLearner:
    """OneHotEncoder and OrdinalEncoder: the union of all batches' categories, with their counts."""

    def __init__(self, step: Estimator) -> None:
        self._step = clone(step)
        self._columns: list[Categories] = []
        self._counts: list[Array] = []
        self._dtypes: list[Any] = []
        self._rows = 0

    def see(self, X: pd.DataFrame, y: Array, folds: Array) -> None:
        """Take the categories of each column."""
        if not self._columns:
            self._columns = [Categories(str(name)) for name in X.columns]
            self._counts = [np.zeros(0, np.int64) for _ in self._columns]
            self._dtypes = list(X.dtypes)
        self._rows += len(X)
        for position, categories in enumerate(self._columns):
            codes = categories.see(X.iloc[:, position])
            counts = np.bincount(codes, minlength=len(categories))
            counts[: len(self._counts[position])] += self._counts[position]
            self._counts[position] = counts

    def end_pass(self) -> bool:
        """Say that one pass is enough."""
        return True

    def fitted(self) -> Estimator:
        """Return the step."""
        step = self._step.fit(distinct_rows(self._columns, self._dtypes))
        if getattr(step, "min_frequency", None) is not None:
            self._group_rare(step)
        return step

    def _group_rare(self, step: Estimator) -> None:
        """Let the encoder group by the counts of all rows, as the end of its `fit` does."""
        counts = [
            found[categories.numbers(learned)]
            for categories, found, learned in zip(
                self._columns, self._counts, step.categories_, strict=True
            )
        ]
        step._fit_infrequent_category_mapping(self._rows, counts, {})
        step._set_drop_idx()
        step._n_features_outs = step._compute_n_features_outs()


def distinct_rows(columns: list[Categories], dtypes: list[Any]) -> pd.DataFrame:
    """Return rows in which every column has each of its values; short columns begin again."""
    values = [column.distinct(dtype) for column, dtype in zip(columns, dtypes, strict=True)]
    rows = np.arange(max(map(len, values)))
    return pd.DataFrame(
        {
            column.name: found.iloc[rows % len(found)].reset_index(drop=True)
            for column, found in zip(columns, values, strict=True)
        }
    )
