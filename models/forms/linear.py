"""Linear models: the same product, sum and link as in scikit-learn's linear_model and svm."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from models.forms.checks import Array, refuse_missing
from models.forms.entry import Matrix
from models.forms.errors import NoForm
from models.forms.links import huber, logistic, one_against_rest, softmax


class Scores:
    """The product with the coefficients, and the intercepts added.

    Args:
        estimator: fitted, with `coef_` and `intercept_`.
        kind: what X will be.

    Raises:
        NoForm: what was fitted is not what a fit gives.
    """

    def __init__(self, estimator: Any, kind: Matrix) -> None:
        coef, self._intercept = estimator.coef_, np.asarray(estimator.intercept_)
        if not isinstance(coef, np.ndarray) or coef.ndim not in (1, 2):
            raise NoForm("the coefficients are no plain array")
        if coef.dtype not in (np.float64, kind.dtype):
            raise NoForm(f"the coefficients are {coef.dtype} and the rows are not")
        outputs = coef.shape[0] if coef.ndim == 2 else 1
        if coef.shape[-1] != kind.width or self._intercept.shape not in ((), (1,), (outputs,)):
            raise NoForm("coef_ and intercept_ do not go with the columns")
        self.outputs = outputs
        self._product = coef.T
        # Whole numbers become floats on their way to BLAS, in C order whatever they had.
        self._order: Any = "C" if kind.seen.kind in "iu" else "K"

    def __call__(self, X: Array) -> Array:
        """Return scores, shape (n,) or (n, outputs) as the coefficients are.

        Raises:
            ValueError: X is not finite.
        """
        refuse_missing(X)
        scores: Array = np.asarray(X, order=self._order) @ self._product + self._intercept
        return scores


class LinearValues:
    """A regression."""

    def __init__(self, estimator: Any, kind: Matrix) -> None:
        self.predict = Scores(estimator, kind)


class LinearFlatValues:
    """SGDRegressor: its values are always 1-D."""

    def __init__(self, estimator: Any, kind: Matrix) -> None:
        self._scores = Scores(estimator, kind)

    def predict(self, X: Array) -> Array:
        """Return shape (n,)."""
        return self._scores(X).ravel()


class LinearClasses:
    """Labels by a linear score: LinearClassifierMixin.

    Args:
        estimator: a fitted linear classifier.
        kind: what X will be.

    Raises:
        NoForm: what was fitted is not what a fit gives.
    """

    def __init__(self, estimator: Any, kind: Matrix) -> None:
        self._scores = Scores(estimator, kind)
        self._classes = np.asarray(estimator.classes_)
        self._binary = self._scores.outputs == 1
        if self._classes.ndim != 1 or len(self._classes) != max(2, self._scores.outputs):
            raise NoForm("coef_ and classes_ do not go together")

    def scores(self, X: Array) -> Array:
        """Return `decision_function`, shape (n,) for two classes, else (n, classes)."""
        scores = self._scores(X)
        return scores.reshape(-1) if self._binary else scores

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        scores = self.scores(X)
        indices = (scores > 0).astype(np.intp) if self._binary else scores.argmax(axis=1)
        labels: Array = self._classes.take(indices, axis=0)
        return labels


class _LinkedClasses(LinearClasses):
    """Labels, and probabilities by a link."""

    def __init__(self, estimator: Any, kind: Matrix, link: Callable[[Array], Array]) -> None:
        super().__init__(estimator, kind)
        self._link = link

    def predict_proba(self, X: Array) -> Array:
        """Return probabilities, shape (n, classes)."""
        return self._link(self.scores(X))


def _logistic(estimator: Any, kind: Matrix) -> LinearClasses:
    two = len(estimator.classes_) <= 2
    return _LinkedClasses(estimator, kind, logistic if two else softmax)


def _ridge(estimator: Any, kind: Matrix) -> LinearClasses:
    # Fitted on several labels a row it has as many scores as classes, too; none is the best one.
    if estimator._label_binarizer.y_type_ not in ("binary", "multiclass"):
        raise NoForm("it answers several labels a row")
    return LinearClasses(estimator, kind)


def _stochastic(estimator: Any, kind: Matrix) -> LinearClasses:
    if estimator.loss == "modified_huber":
        return _LinkedClasses(estimator, kind, huber)
    if estimator.loss == "log_loss":
        two = len(estimator.classes_) <= 2
        return _LinkedClasses(estimator, kind, logistic if two else one_against_rest)
    return LinearClasses(estimator, kind)


LINEAR: Final[dict[str, Callable[[Any, Matrix], Any]]] = {
    "linear_model.ElasticNet": LinearValues,
    "linear_model.Lasso": LinearValues,
    "linear_model.LinearRegression": LinearValues,
    "linear_model.LogisticRegression": _logistic,
    "linear_model.Perceptron": LinearClasses,
    "linear_model.Ridge": LinearValues,
    "linear_model.RidgeClassifier": _ridge,
    "linear_model.SGDClassifier": _stochastic,
    "linear_model.SGDRegressor": LinearFlatValues,
    "svm.LinearSVC": LinearClasses,
    "svm.LinearSVR": LinearValues,
}
"""Class of an estimator → how its answers are computed."""
