"""Features of cached rows, batch by batch, in as much memory as is allowed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer

from models.medium.batch import Batch, folds_of
from models.medium.caching import Cached
from models.medium.fitting import FittedFeatures, fit_features
from models.medium.memory import Budget
from models.medium.progress import silent
from models.rows import Array
from models.transform.rules import FOLDS

RAW_COPIES: Final = 6
"""How often a raw row is in memory at the same time: Arrow's, pandas', its texts as objects, and
what a step makes of them."""
FEATURE_COPIES: Final = 4
"""The same of its features: by step, joined, put into order, and an estimator's own."""


@dataclass(frozen=True)
class Prepared:
    """Cached rows and the fitted features.

    Args:
        cached: the rows.
        features: fitted on the rows to fit on.
        columns: that the features are made of.
        batch_rows: that memory has room for.
        feature_bytes: of the features of one row.
        width: how many features.
        budget: of memory.
        seed: of folds and of the order of rows.
    """

    cached: Cached
    features: FittedFeatures
    columns: list[str]
    batch_rows: int
    feature_bytes: float
    width: int
    budget: Budget
    seed: int

    def fitted(self, order: Array | None = None) -> Iterator[tuple[Any, Array]]:
        """Yield features and targets of the rows to fit on.

        Args:
            order: of the groups of rows; as they lie if left out.
        """
        for batch in self.cached.fitted.batches(self.columns, self.batch_rows, order):
            for piece in self.pieces(batch):
                yield self.features.of_fitted(piece, folds_of(piece, FOLDS, self.seed))

    def pieces(self, batch: Batch) -> Iterator[Batch]:
        """Divide a batch where memory has no room for the features of all of it."""
        for begin in range(0, len(batch.y), self.batch_rows):
            yield batch.take(slice(begin, begin + self.batch_rows))

    def silenced(self) -> Self:
        """Return the same, whose passes nobody hears of."""
        cached = self.cached
        fitted = replace(cached.fitted, tell=silent)
        validation = replace(cached.validation, tell=silent)
        return replace(self, cached=replace(cached, fitted=fitted, validation=validation))

    def known(self) -> tuple[Any, Array]:
        """Return features and targets of some of the fitted rows, drawn evenly."""
        rows = self.cached.fitted
        sample = self.cached.known_sample
        return self.features.of_new(sample[self.columns]), rows.targets(sample[rows.target])

    def shuffled(self, epoch: int) -> Iterator[tuple[Any, Array]]:
        """Yield the same in random order: groups from everywhere together, and mixed."""
        rng = np.random.default_rng([self.seed, epoch])
        for X, y in self.fitted(rng.permutation(len(self.cached.fitted.groups))):
            order = rng.permutation(len(y))
            yield X[order], y[order]


def prepare(
    cached: Cached,
    unfitted: ColumnTransformer,
    columns: list[str],
    budget: Budget,
    most_rows: int,
    seed: int,
) -> Prepared:
    """Fit the features, and find out how many rows fit into memory at a time.

    Args:
        cached: the rows.
        unfitted: the transformer.
        columns: that it takes.
        budget: of memory.
        most_rows: of a batch.
        seed: of folds and of the order of rows.

    Raises:
        BadSpecification: a step cannot be learned batch by batch, or memory is too small.
        BadData: a column has too many different values for what is asked of it.
    """
    rows = budget.rows(cached.row_bytes, RAW_COPIES, most_rows)

    def read(names: list[str]) -> Iterator[Batch]:
        return cached.fitted.batches(names, rows)

    features = fit_features(
        unfitted, read, lambda batch: folds_of(batch, FOLDS, seed), cached.classes
    )
    return measured(features, cached, columns, budget, most_rows, seed)


def measured(
    features: FittedFeatures,
    cached: Cached,
    columns: list[str],
    budget: Budget,
    most_rows: int,
    seed: int,
) -> Prepared:
    """Return rows and fitted features, with as many rows a batch as memory has room for.

    Args:
        features: fitted.
        cached: the rows.
        columns: that the features are made of.
        budget: of memory.
        most_rows: of a batch.
        seed: of folds and of the order of rows.

    Raises:
        BadSpecification: memory is too small.
    """
    head = next(cached.fitted.batches(columns, 1))
    X = features.of_new(head.X)
    feature_bytes = matrix_bytes(X) / len(head.y)
    each = cached.row_bytes * RAW_COPIES + feature_bytes * FEATURE_COPIES
    return Prepared(
        cached,
        features,
        columns,
        budget.rows(each, 1, most_rows),
        feature_bytes,
        X.shape[1],
        budget,
        seed,
    )


def matrix_bytes(X: Any) -> int:
    """Return what a matrix takes, dense or sparse."""
    if sparse.issparse(X):
        return int(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
    return int(X.nbytes)
