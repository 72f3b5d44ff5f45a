"""HistGradientBoosting, whoever walks its trees."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np

from models.forms.chain import part_of
from models.forms.checks import Array
from models.forms.codes import is_missing
from models.forms.entry import Kind, Matrix, Step
from models.forms.errors import NoForm
from models.forms.links import logistic, softmax


class HistogramWalker(Protocol):
    """Sends rows through the trees of histogram boosting."""

    def histogram(self, estimator: Any) -> Callable[[Array, Array], None]:
        """Return a function of float64 rows and of scores, shape (K, n), which it adds to.

        Raises:
            NoForm: there is something in the trees that it does not know.
        """


class _Scores:
    """The baseline, and all trees added to it.

    Args:
        estimator: fitted.
        kind: what X will be.
        walker: who walks the trees.

    Raises:
        NoForm: what was fitted is not what a fit gives.
    """

    def __init__(self, estimator: Any, kind: Matrix, walker: HistogramWalker) -> None:
        if kind.sparse:
            raise NoForm("it takes no sparse rows")
        if estimator.n_features_in_ != kind.width:
            raise NoForm("it was fitted on another number of columns")
        baseline = np.asarray(estimator._baseline_prediction)
        if baseline.dtype != np.float64 or baseline.size != estimator.n_trees_per_iteration_:
            raise NoForm("its baseline is not one number a tree")
        self._baseline = baseline.reshape(-1, 1)
        self._add = walker.histogram(estimator)

    def __call__(self, X: Array) -> Array:
        """Return shape (n, K), in Fortran order as scikit-learn has it; X may have NaN."""
        X = np.asarray(X, np.float64)
        scores = np.zeros((len(self._baseline), len(X)))
        scores += self._baseline
        self._add(X, scores)
        return scores.T


def encoded_first(estimator: Any, kind: Kind) -> tuple[Step, Kind]:
    """Return what histogram boosting does to X first: codes of its categories, then its numbers.

    Without categories it does nothing.

    Raises:
        NoForm: its own transformer, or a category's code, is not what it makes.
    """
    own = estimator._preprocessor
    if own is None:
        return _same, kind
    (_, encoder, _), *others = own.transformers_
    places = own._transformer_to_input_indices
    names = [name for name, stage, _ in own.transformers_ if stage != "drop"]
    if names != ["encoder", "numerical"][: len(names)]:
        raise NoForm("it prepares its columns in another way")
    coded, given = part_of(encoder, list(places["encoder"]), kind)
    cuts = estimator._bin_mapper.bin_thresholds_
    for categories, codes in zip(encoder.categories_, cuts, strict=False):
        known = sum(not is_missing(value) for value in categories.tolist())
        if not np.array_equal(codes, np.arange(known)):
            raise NoForm("a category has a code that is not its place")
    numbers = list(places["numerical"]) if others else []
    if not numbers:
        return coded, given
    passed, rest = part_of("passthrough", numbers, kind)
    double = np.dtype(np.float64)

    def step(table: Any) -> Array:
        return np.concatenate([coded(table), passed(table)], axis=1, dtype=double)

    return step, Matrix(given.width + rest.width, double, double)


def _same(scores: Array) -> Array:
    return scores


_VALUES: Final[dict[str, Callable[[Array], Array]]] = {
    "HalfSquaredError": _same,
    "AbsoluteError": _same,
    "PinballLoss": _same,
    "HalfPoissonLoss": np.exp,
    "HalfGammaLoss": np.exp,
}
_SHARES: Final[dict[str, Callable[[Array], Array]]] = {
    "HalfBinomialLoss": logistic,
    "HalfMultinomialLoss": softmax,
}


class HistogramValues:
    """HistGradientBoostingRegressor."""

    def __init__(self, estimator: Any, kind: Matrix, walker: HistogramWalker) -> None:
        self._scores = _Scores(estimator, kind, walker)
        self._link = _link(estimator, _VALUES)

    def predict(self, X: Array) -> Array:
        """Return float64, shape (n,)."""
        return self._link(self._scores(X).ravel())


class HistogramClasses:
    """HistGradientBoostingClassifier."""

    def __init__(self, estimator: Any, kind: Matrix, walker: HistogramWalker) -> None:
        self._raw = _Scores(estimator, kind, walker)
        self._link = _link(estimator, _SHARES)
        self._classes = np.asarray(estimator.classes_)
        self._binary = estimator.n_trees_per_iteration_ == 1

    def scores(self, X: Array) -> Array:
        """Return `decision_function`."""
        scores = self._raw(X)
        return scores.ravel() if self._binary else scores

    def predict_proba(self, X: Array) -> Array:
        """Return float64, shape (n, classes)."""
        return self._link(self.scores(X))

    def predict(self, X: Array) -> Array:
        """Return labels, shape (n,)."""
        scores = self.scores(X)
        indices = (scores > 0).astype(np.intp) if self._binary else scores.argmax(axis=1)
        labels: Array = self._classes[indices]
        return labels


def _link(estimator: Any, known: dict[str, Callable[[Array], Array]]) -> Callable[[Array], Array]:
    name = type(estimator._loss).__name__
    if name not in known:
        raise NoForm(f"the loss {name} is not known")
    return known[name]


HISTOGRAMS: Final[dict[str, Callable[[Any, Matrix, HistogramWalker], Any]]] = {
    "ensemble.HistGradientBoostingClassifier": HistogramClasses,
    "ensemble.HistGradientBoostingRegressor": HistogramValues,
}
"""Class of an estimator → how its answers are computed."""
