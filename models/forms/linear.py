"""Linear models: the same product, sum and link as in scikit-learn's linear_model."""

from typing import Any, Final

import numpy as np
from scipy.special import expit

from models.forms.checks import Array, refuse_missing
from models.forms.entry import Matrix
from models.forms.errors import NoForm


class LinearClasses:
    """Labels by a linear score: LinearClassifierMixin.

    Args:
        estimator: a fitted linear classifier.
        kind: what X will be.

    Raises:
        NoForm: what was fitted is not what a fit gives.
    """

    def __init__(self, estimator: Any, kind: Matrix) -> None:
        coef, intercept = _dense(estimator.coef_, 2, kind), np.asarray(estimator.intercept_)
        self.classes: Final = np.asarray(estimator.classes_)
        scores = 1 if len(self.classes) <= 2 else len(self.classes)
        if coef.shape != (scores, kind.width) or intercept.shape not in ((), (1,), (scores,)):
            raise NoForm("coef_, intercept_ and classes_ do not go together")
        self._product = coef.T
        self._intercept = intercept
        self._binary = scores == 1
        # Whole numbers become floats on their way to BLAS, in C order whatever they had.
        self._order: Any = "C" if kind.seen.kind in "iu" else "K"

    def scores(self, X: Array) -> Array:
        """Return `decision_function`, shape (n,) for two classes, else (n, classes)."""
        refuse_missing(X)
        scores = np.asarray(X, order=self._order) @ self._product + self._intercept
        return np.ravel(scores) if self._binary else scores

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        scores = self.scores(X)
        indices = (scores > 0).astype(np.intp) if self._binary else scores.argmax(axis=1)
        return self.classes.take(indices, axis=0)


class LogisticClasses(LinearClasses):
    """LogisticRegression: softmax of the scores, or for two classes the logistic function."""

    def predict_proba(self, X: Array) -> Array:
        """Return probabilities, shape (n, classes)."""
        scores = self.scores(X)
        return _two(expit(scores, out=scores)) if self._binary else _softmax(scores)


def _two(second: Array) -> Array:
    both = np.empty((len(second), 2), second.dtype)
    both[:, 1] = second
    np.subtract(1, second, out=both[:, 0])
    return both


def _softmax(scores: Array) -> Array:
    """Return the softmax of each row, as sklearn.utils.extmath has it; writes into `scores`."""
    scores -= np.maximum.reduce(scores, axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=1, keepdims=True)
    return scores


def _dense(coef: Any, dimensions: int, kind: Matrix) -> Array:
    """Return coefficients that are a plain array, of a type that computes as X's does."""
    if not isinstance(coef, np.ndarray) or coef.ndim != dimensions:
        raise NoForm("the coefficients are not a plain array")
    if coef.dtype not in (np.float64, kind.dtype):
        raise NoForm(f"the coefficients are {coef.dtype} and the rows are not")
    return coef


LINEAR: Final = {"linear_model.LogisticRegression": LogisticClasses}
"""Class of an estimator → how its answers are computed."""
