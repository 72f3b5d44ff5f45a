"""Fitting epoch by epoch, with a trace, and the best epoch kept."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from sklearn.metrics import hinge_loss
from sklearn.pipeline import Pipeline

from models.estimators import Estimator
from models.fit.run import Epoch
from models.fit.steppers import stepper
from models.fit.table import Table
from models.metrics import METRICS, Metric
from models.rows import Array
from models.spec.fitting import Epochs

_ALWAYS: Final = {"classification": "accuracy", "regression": "r2"}


def fit_by_epochs(
    model: Pipeline,
    epochs: Epochs,
    fitted: Table,
    validation: Table,
    metric: Metric,
    tell: Callable[[Epoch], None],
) -> tuple[Epoch, ...]:
    """Fit a pipeline of "features" and "model" in place; it is then that of the best epoch.

    Args:
        model: unfitted.
        epochs: how many at most, and when to stop.
        fitted: rows to fit on.
        validation: rows by which the best epoch is known.
        metric: what decides.
        tell: told of each epoch.

    Returns:
        The trace: of each epoch, on both sets of rows, the loss (log_loss, hinge_loss or mse), the
        accuracy or r2, and the deciding metric.

    Raises:
        BadSpecification: the estimator learns in one go.
    """
    features, estimator = model["features"], model["model"]
    X = features.fit_transform(fitted.X, fitted.y)
    X_validation = features.transform(validation.X)
    seed = estimator.get_params(deep=False).get("random_state") or 0
    steps = stepper(estimator, X, fitted.y, epochs, seed)
    trace: list[Epoch] = []
    best, best_value, kept = 0, float("nan"), steps.keep()
    for number in range(1, epochs.most + 1):
        asked = steps.advance(number)
        epoch = Epoch(
            number,
            fitted=_measured(asked, metric, X, fitted.y),
            validation=_measured(asked, metric, X_validation, validation.y),
        )
        trace.append(epoch)
        tell(epoch)
        value = epoch.validation[metric.name]
        if number == 1 or metric.is_better(value, best_value):
            best, best_value, kept = number, value, steps.keep()
        elif number - best >= epochs.patience:
            break
    model.steps[-1] = ("model", kept())
    return tuple(trace)


def best_epoch(trace: tuple[Epoch, ...], metric: Metric) -> int:
    """Return the number of the epoch that was kept; the first of equals."""
    best = trace[0]
    for epoch in trace[1:]:
        if metric.is_better(epoch.validation[metric.name], best.validation[metric.name]):
            best = epoch
    return best.number


def _measured(model: Estimator, metric: Metric, X: Any, y: Array) -> dict[str, float]:
    names = dict.fromkeys([_ALWAYS[metric.task], metric.name])
    return _loss(model, metric, X, y) | {name: METRICS[name].score(model, X, y) for name in names}


def _loss(model: Estimator, metric: Metric, X: Any, y: Array) -> dict[str, float]:
    if metric.task == "regression":
        return {"mse": METRICS["mse"].score(model, X, y)}
    if hasattr(model, "predict_proba"):
        return {"log_loss": METRICS["log_loss"].score(model, X, y)}
    if hasattr(model, "decision_function"):
        classes = np.asarray(model.classes_)
        return {"hinge_loss": float(hinge_loss(y, model.decision_function(X), labels=classes))}
    return {}
