"""Trees that something else has grown, as a scikit-learn estimator of plain arrays.

Spark's MLlib grows them (models.spark.carry); predicting needs numpy alone. The rules are those of
MLlib 4: `value <= threshold` goes left; a classification forest adds up each leaf's shares of the
classes; boosting adds up weighted leaves, and its probability is 1 / (1 + exp(-2 margin)).
"""

from dataclasses import dataclass
from typing import Any, Final, Never

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models.rows import Array

CHUNK_CELLS: Final = 1 << 20
"""Rows x trees x values that are looked at together; bounds the memory of a large prediction."""


@dataclass(frozen=True)
class Trees:
    """Trees in flat arrays, node after node.

    Args:
        roots: int64, shape (trees,): where each tree begins.
        feature: int32, shape (nodes,): the feature that a node asks for; 0 at a leaf.
        threshold: float64, shape (nodes,): up to it, and equal to it, a row goes left.
        left: int64, shape (nodes,); a leaf points to itself.
        right: int64, shape (nodes,); a leaf points to itself.
        values: float64, shape (nodes, outputs): what a leaf adds, its tree's weight included.
        depth: how many questions the longest way has.
    """

    roots: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    values: Array
    depth: int

    def total(self, X: Array) -> Array:
        """Return the sum over all trees of the leaf that each row reaches.

        Args:
            X: float64, shape (n, features).

        Returns:
            Shape (n, outputs). Trees are added one after the other, in order, as MLlib does, so
            that a draw between two classes is the same draw here.
        """
        rows = max(1, CHUNK_CELLS // max(1, len(self.roots) * self.values.shape[1]))
        chunks = [self._total(X[at : at + rows]) for at in range(0, len(X), rows)]
        return np.concatenate(chunks) if chunks else np.zeros((0, self.values.shape[1]))

    def _total(self, X: Array) -> Array:
        at = np.tile(self.roots, (len(X), 1))
        row = np.arange(len(X))[:, np.newaxis]
        for _ in range(self.depth):
            goes_left = X[row, self.feature[at]] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
        return np.asarray(np.cumsum(self.values[at], axis=1)[:, -1])


class _Grown(BaseEstimator):  # type: ignore[misc]
    """What all of them share.

    Args:
        trees: the trees.
        importances: shape (features,): each feature's importance, as whoever grew them says.
    """

    def __init__(self, trees: Trees | None = None, importances: Array | None = None) -> None:
        self.trees = trees
        self.importances = importances

    def fit(self, X: Any, y: Any = None) -> Never:
        """Refuse: these trees were grown elsewhere.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"a {type(self).__name__} holds trees that were grown elsewhere and cannot be fitted;"
            " train again with the engine that grew them"
        )

    def __sklearn_is_fitted__(self) -> bool:
        return self.trees is not None

    @property
    def n_features_in_(self) -> int:
        """The number of features."""
        return 0 if self.importances is None else len(self.importances)

    @property
    def feature_importances_(self) -> Array:
        """Each feature's importance, as whoever grew the trees says; they add up to 1."""
        return np.asarray(self.importances)

    def _totals(self, X: Any) -> Array:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, skip_check_array=False)
        return self.trees.total(rows)  # type: ignore[union-attr]


class _GrownClassifier(ClassifierMixin, _Grown):  # type: ignore[misc]
    """A classifier of grown trees.

    Args:
        trees: the trees.
        importances: shape (features,).
        classes: the labels, sorted, one for each column of `predict_proba`.
    """

    def __init__(
        self,
        trees: Trees | None = None,
        importances: Array | None = None,
        classes: Array | None = None,
    ) -> None:
        super().__init__(trees, importances)
        self.classes = classes

    @property
    def classes_(self) -> Array:
        """The labels, sorted."""
        return np.asarray(self.classes)


class GrownForestClassifier(_GrownClassifier):
    """A random forest; a leaf's values are the shares of the classes among its rows."""

    def predict_proba(self, X: Any) -> Array:
        """Return float64, shape (n, classes)."""
        votes = self._totals(X)
        return np.asarray(votes / np.cumsum(votes, axis=1)[:, -1:])

    def predict(self, X: Any) -> Array:
        """Return the label with most votes; of equal ones the first."""
        return np.asarray(self.classes_[np.argmax(self._totals(X), axis=1)])


class GrownBoostedClassifier(_GrownClassifier):
    """Boosted trees for two classes; the leaves add up to half the logarithm of the odds."""

    def decision_function(self, X: Any) -> Array:
        """Return the margin, shape (n,): above 0 the second class."""
        return self._totals(X)[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """Return float64, shape (n, 2)."""
        with np.errstate(over="ignore"):
            second = 1.0 / (1.0 + np.exp(-2.0 * self.decision_function(X)))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: Any) -> Array:
        """Return labels, shape (n,)."""
        return np.asarray(self.classes_[(self.decision_function(X) > 0).astype(int)])


class GrownTreesRegressor(RegressorMixin, _Grown):  # type: ignore[misc]
    """A random forest or boosted trees.

    Args:
        trees: the trees.
        importances: shape (features,).
        divisor: the sum of the leaves is divided by it: the number of a forest's trees, or 1.
    """

    def __init__(
        self,
        trees: Trees | None = None,
        importances: Array | None = None,
        divisor: int = 1,
    ) -> None:
        super().__init__(trees, importances)
        self.divisor = divisor

    def predict(self, X: Any) -> Array:
        """Return numbers, shape (n,)."""
        return np.asarray(self._totals(X)[:, 0] / self.divisor)
