"""Trees and forests: scikit-learn's own compiled trees in a plain loop."""

from typing import Any, Final

import numpy as np
from sklearn.utils import get_tags

from models.forms.checks import Array, refuse_infinity, refuse_missing
from models.forms.entry import Matrix
from models.forms.errors import NoForm
from models.forms.known import kind_of


class TreeRows:
    """What all trees ask of X: float32, finite, or with NaN where the trees know missing values.

    Args:
        tree: one fitted tree estimator of those that answer.
        kind: what X will be.

    Raises:
        NoForm: rounding X to float32 by way of float64 could give another number.
    """

    def __init__(self, tree: Any, kind: Matrix) -> None:
        if kind.seen.kind in "iu" and kind.seen.itemsize == 8:
            raise NoForm("64-bit whole numbers are rounded once to float32, not twice")
        if tree.tree_.n_features != kind.width:
            raise NoForm("the tree was fitted on another number of columns")
        self._refuse = refuse_infinity if get_tags(tree).input_tags.allow_nan else refuse_missing

    def __call__(self, X: Array) -> Array:
        """Return X as float32 in C order.

        Raises:
            ValueError: it is not finite, or not any more.
        """
        X = np.asarray(X, np.float32, order="C")
        self._refuse(X)
        return X


class ForestClasses:
    """RandomForestClassifier and its like: the mean of the trees' shares, added in their order.

    Args:
        forest: fitted.
        kind: what X will be.

    Raises:
        NoForm: there is something in it that is not known.
    """

    def __init__(self, forest: Any, kind: Matrix) -> None:
        for tree in forest.estimators_:
            kind_of(tree)
        if forest.n_outputs_ != 1:
            raise NoForm("it has several outputs")
        self._rows = TreeRows(forest.estimators_[0], kind)
        self._trees = [tree.tree_ for tree in forest.estimators_]
        self._ask = [tree.predict for tree in self._trees]
        self._width = int(forest.n_classes_)
        self.classes: Final = np.asarray(forest.classes_)

    def predict_proba(self, X: Array) -> Array:
        """Return float64, shape (n, classes)."""
        X = self._rows(X)
        shares = np.zeros((len(X), self._width))
        for ask in self._ask:
            shares += ask(X)
        shares /= len(self._ask)
        return shares

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        labels: Array = self.classes.take(self.predict_proba(X).argmax(axis=1), axis=0)
        return labels


TREES: Final = {"ensemble.RandomForestClassifier": ForestClasses}
"""Class of an estimator → how its answers are computed."""
