"""How an estimator is fitted one epoch further."""

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning

from models.errors import BadSpecification
from models.estimators import Estimator
from models.fit.encoded import EncodedLabels
from models.rows import Array, take
from models.spec.fitting import Epochs

Kept: TypeAlias = Callable[[], Estimator]
"""Gives the model of the epoch in which it was made."""

_HISTOGRAMS: Final = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


class Stepper(Protocol):
    """Fits one estimator, epoch after epoch."""

    def advance(self, epoch: int) -> Estimator:
        """Fit up to an epoch, from 1; return what can be asked for predictions."""

    def keep(self) -> Kept:
        """Keep the model of the epoch that `advance` reached last; later epochs leave it."""


class PartialFits:
    """Shows all rows to `partial_fit`, in batches, in another order each epoch."""

    def __init__(self, model: Estimator, X: Any, y: Array, epochs: Epochs, seed: int) -> None:
        self._model, self._X, self._y = model, X, y
        self._batch_rows = epochs.batch_rows
        self._rng = np.random.default_rng(seed)
        takes_classes = "classes" in inspect.signature(model.partial_fit).parameters
        self._first = {"classes": np.unique(y)} if takes_classes else {}

    def advance(self, epoch: int) -> Estimator:
        order = self._rng.permutation(len(self._y))
        for begin in range(0, len(order), self._batch_rows):
            batch = order[begin : begin + self._batch_rows]
            options = self._first if epoch == 1 and begin == 0 else {}
            self._model.partial_fit(take(self._X, batch), self._y[batch], **options)
        return self._model

    def keep(self) -> Kept:
        copied = copy.deepcopy(self._model)
        return lambda: copied


class WarmStarts:
    """Fits again from where the last fit ended.

    Args:
        model: has `warm_start`.
        X: rows.
        y: their targets.
        counts: the parameter that counts trees, one more each epoch; None if an epoch is one
            iteration of a solver.
    """

    def __init__(self, model: Estimator, X: Any, y: Array, counts: str | None) -> None:
        self._model, self._X, self._y, self._counts = model, X, y, counts
        own = model.get_params(deep=False)
        self._own = {name: own[name] for name in ("warm_start", *(() if counts else ("max_iter",)))}
        model.set_params(warm_start=True)

    def advance(self, epoch: int) -> Estimator:
        further = {self._counts: epoch} if self._counts else {"max_iter": 1}
        self._model.set_params(**further)
        with warnings.catch_warnings():
            # One iteration is never enough for a solver; the trace shows whether they all were.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._model.fit(self._X, self._y)

    def keep(self) -> Kept:
        copied = copy.deepcopy(self._model).set_params(**self._own)
        return lambda: copied


class StagedBoosts:
    """Fits all trees of XGBoost or LightGBM at once, and asks the first of them.

    A model of fewer trees is their beginning, so that what is kept is fitted again with so many.
    """

    def __init__(self, model: Estimator, X: Any, y: Array, most: int) -> None:
        self._model, self._X, self._y = model, X, y
        self._epoch = most
        self._fit(most)

    def advance(self, epoch: int) -> Estimator:
        self._epoch = epoch
        return FirstTrees(self._model, epoch)

    def keep(self) -> Kept:
        epoch = self._epoch
        return lambda: self._fit(epoch)

    def _fit(self, trees: int) -> Estimator:
        at = "estimator__" if isinstance(self._model, EncodedLabels) else ""
        self._model.set_params(**{f"{at}n_estimators": trees})
        return self._model.fit(self._X, self._y)


class FirstTrees:
    """The first trees of a fitted booster, as a model.

    Args:
        model: fitted, of XGBoost or LightGBM.
        trees: how many.
    """

    def __init__(self, model: Estimator, trees: int) -> None:
        self._model = model
        of_xgboost = type(_inside(model)).__module__.startswith("xgboost")
        self._only: dict[str, Any] = (
            {"iteration_range": (0, trees)} if of_xgboost else {"num_iteration": trees}
        )
        self.classes_ = getattr(model, "classes_", None)
        if self.classes_ is not None:
            self.predict_proba = lambda X: self._model.predict_proba(X, **self._only)

    def predict(self, X: Any) -> Array:
        """Return what these trees predict."""
        return np.asarray(self._model.predict(X, **self._only))


def stepper(model: Estimator, X: Any, y: Array, epochs: Epochs, seed: int) -> Stepper:
    """Return what fits the estimator epoch by epoch.

    Args:
        model: unfitted.
        X: features.
        y: targets.
        epochs: how.
        seed: of the order of rows.

    Raises:
        BadSpecification: the estimator learns in one go.
    """
    known = model.get_params(deep=False)
    if hasattr(model, "partial_fit"):
        return PartialFits(model, X, y, epochs, seed)
    if type(_inside(model)).__module__.startswith(("xgboost", "lightgbm")):
        return StagedBoosts(model, X, y, epochs.most)
    if "warm_start" in known and "n_estimators" in known:
        return WarmStarts(model, X, y, "n_estimators")
    if "warm_start" in known and "max_iter" in known:
        return WarmStarts(model, X, y, "max_iter" if isinstance(model, _HISTOGRAMS) else None)
    raise BadSpecification(
        f"fit.epochs: {type(model).__name__} learns in one go, by neither partial_fit nor"
        " warm_start; leave [fit.epochs] out, or take one such as SGDClassifier, SGDRegressor,"
        " MLPClassifier, MLPRegressor or a gradient boosting"
    )


def _inside(model: Estimator) -> Estimator:
    return model.estimator if isinstance(model, EncodedLabels) else model
