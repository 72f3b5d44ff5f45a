"""Trees, forests and gradient boosting, whoever walks the trees."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
from sklearn.utils import get_tags

from models.forms.checks import Array, refuse_infinity, refuse_missing
from models.forms.entry import Matrix
from models.forms.errors import NoForm
from models.forms.known import class_name, kind_of
from models.forms.links import half_logistic, logistic, softmax


class Walker(Protocol):
    """Sends rows through trees: scikit-learn's compiled trees one after the other, or our own."""

    def sums(self, trees: Sequence[Any]) -> Callable[[Array], Array]:
        """Return a function of float32 rows: the sums of the leaves they reach, tree by tree.

        Its answers are float64, shape (n, outputs, values); of a single tree the leaf itself.
        """

    def boosted(self, trees: Array, rate: float) -> Callable[[Array, Array], None]:
        """Return a function of float32 rows and float64 scores, shape (n, K), which it adds to.

        Args:
            trees: regression trees, shape (iterations, K).
            rate: what each leaf is multiplied with.
        """


class _Rows:
    """What all trees ask of X: float32, finite, or with NaN where the trees know missing values.

    Args:
        trees: all trees of the model, as estimators.
        kind: what X will be.
        missing: whether NaN may pass, if the trees let it.

    Raises:
        NoForm: rounding X to float32 by way of float64 could give another number.
    """

    def __init__(self, trees: Sequence[Any], kind: Matrix, missing: bool = True) -> None:
        for tree in trees:
            kind_of(tree)
            if tree.tree_.n_features != kind.width:
                raise NoForm("a tree was fitted on another number of columns")
            if tree.tree_.value.shape[1:] != trees[0].tree_.value.shape[1:]:
                raise NoForm("the trees were fitted on different classes")
        if kind.seen.kind in "iu" and kind.seen.itemsize == 8:
            raise NoForm("64-bit whole numbers are rounded once to float32, not twice")
        # scikit-learn knows no missing values in sparse rows.
        missing = missing and not kind.sparse and get_tags(trees[0]).input_tags.allow_nan
        self._refuse = refuse_infinity if missing else refuse_missing

    def __call__(self, X: Array) -> Array:
        """Return X as float32 in C order.

        Raises:
            ValueError: it is not finite, or not any more.
        """
        X = np.asarray(X, np.float32, order="C")
        self._refuse(X)
        return X


class _Mean:
    """The mean of trees: a forest, or one tree."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        trees = list(getattr(estimator, "estimators_", [estimator]))
        self._rows = _Rows(trees, kind)
        self._sums = walker.sums([tree.tree_ for tree in trees])
        # A tree alone is not divided, which would be the same.
        self._count = len(trees)
        classes = np.max(getattr(estimator, "n_classes_", 1))
        if trees[0].tree_.value.shape[1:] != (estimator.n_outputs_, classes):
            raise NoForm("the trees were fitted on other classes")

    def __call__(self, X: Array) -> Array:
        sums = self._sums(self._rows(X))
        if self._count > 1:
            sums /= self._count
        return sums


class TreeValues:
    """DecisionTreeRegressor, RandomForestRegressor and their like."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        self._mean = _Mean(estimator, kind, walker)
        self._single = estimator.n_outputs_ == 1

    def predict(self, X: Array) -> Array:
        """Return shape (n,), or (n, outputs)."""
        values = self._mean(X)
        return values[:, 0, 0] if self._single else values[:, :, 0]


class TreeClasses:
    """DecisionTreeClassifier, RandomForestClassifier and their like, of one output."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        self._mean = _Mean(estimator, kind, walker)
        self._classes = np.asarray(estimator.classes_)

    def predict_proba(self, X: Array) -> Array:
        """Return float64, shape (n, classes)."""
        return self._mean(X)[:, 0, :]

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        labels: Array = self._classes.take(self.predict_proba(X).argmax(axis=1), axis=0)
        return labels


class TreeClassesOfMany:
    """The same with several outputs, each with classes of its own."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        self._mean = _Mean(estimator, kind, walker)
        self._classes = [np.asarray(classes) for classes in estimator.classes_]

    def predict_proba(self, X: Array) -> list[Array]:
        """Return for each output float64, shape (n, its classes)."""
        shares = self._mean(X)
        return [shares[:, at, : len(classes)] for at, classes in enumerate(self._classes)]

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n, outputs)."""
        shares = self.predict_proba(X)
        labels = np.empty((len(X), len(shares)), self._classes[0].dtype)
        for at, (classes, one) in enumerate(zip(self._classes, shares, strict=True)):
            labels[:, at] = classes.take(one.argmax(axis=1), axis=0)
        return labels


class _Boosted:
    """GradientBoosting: a constant, and regression trees added to it."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        trees = estimator.estimators_
        if estimator.init_ != "zero" and not class_name(estimator.init_).startswith("dummy.Dummy"):
            raise NoForm("it starts with an estimator of its own")
        self._rows = _Rows(list(trees.ravel()), kind, missing=False)
        # What it starts with does not look at the row.
        start = estimator._raw_predict_init(np.zeros((1, kind.width), np.float32))
        self._start = np.asarray(start, np.float64)
        self._add = walker.boosted(trees, float(estimator.learning_rate))

    def __call__(self, X: Array) -> Array:
        """Return scores, float64, shape (n, K)."""
        X = self._rows(X)
        scores = np.repeat(self._start, len(X), axis=0)
        self._add(X, scores)
        return scores


class BoostedValues:
    """GradientBoostingRegressor."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        self._scores = _Boosted(estimator, kind, walker)

    def predict(self, X: Array) -> Array:
        """Return float64, shape (n,)."""
        return self._scores(X).ravel()


_LINKS: Final = {
    "HalfBinomialLoss": logistic,
    "ExponentialLoss": half_logistic,
    "HalfMultinomialLoss": softmax,
}


class BoostedClasses:
    """GradientBoostingClassifier."""

    def __init__(self, estimator: Any, kind: Matrix, walker: Walker) -> None:
        self._scores = _Boosted(estimator, kind, walker)
        self._classes = np.asarray(estimator.classes_)
        name = type(estimator._loss).__name__
        if name not in _LINKS:
            raise NoForm(f"the loss {name} is not known")
        self._link = _LINKS[name]
        self._binary = estimator.estimators_.shape[1] == 1

    def scores(self, X: Array) -> Array:
        """Return `decision_function`."""
        scores = self._scores(X)
        return scores.ravel() if self._binary else scores

    def predict_proba(self, X: Array) -> Array:
        """Return float64, shape (n, classes)."""
        return self._link(self.scores(X))

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        scores = self.scores(X)
        indices = (scores >= 0).astype(np.intp) if self._binary else scores.argmax(axis=1)
        labels: Array = self._classes[indices]
        return labels


def _classes(estimator: Any, kind: Matrix, walker: Walker) -> Any:
    many = estimator.n_outputs_ > 1
    return (TreeClassesOfMany if many else TreeClasses)(estimator, kind, walker)


TREES: Final[dict[str, Callable[[Any, Matrix, Walker], Any]]] = {
    "ensemble.ExtraTreesClassifier": _classes,
    "ensemble.ExtraTreesRegressor": TreeValues,
    "ensemble.GradientBoostingClassifier": BoostedClasses,
    "ensemble.GradientBoostingRegressor": BoostedValues,
    "ensemble.RandomForestClassifier": _classes,
    "ensemble.RandomForestRegressor": TreeValues,
    "tree.DecisionTreeClassifier": _classes,
    "tree.DecisionTreeRegressor": TreeValues,
    "tree.ExtraTreeClassifier": _classes,
    "tree.ExtraTreeRegressor": TreeValues,
}
"""Class of an estimator → how its answers are computed."""
