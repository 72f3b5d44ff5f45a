"""Scores on rows that the model has not seen."""

from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from models.estimators import Estimator
from models.outputs import Task
from models.rows import Array, Rows


def held_out_metrics(model: Estimator, task: Task, X: Rows, y: Array) -> dict[str, float]:
    """Return the task's metrics by name.

    Args:
        model: a fitted estimator.
        task: classification, or else y is numbers.
        X: rows that it was not fitted on.
        y: their targets, shape (n,).
    """
    predicted = model.predict(X)
    if task == "classification":
        return {
            "accuracy": float(accuracy_score(y, predicted)),
            "f1_macro": float(f1_score(y, predicted, average="macro")),
            "log_loss": float(log_loss(y, model.predict_proba(X), labels=model.classes_)),
        }
    return {
        "r2": float(r2_score(y, predicted)),
        "mae": float(mean_absolute_error(y, predicted)),
        "rmse": float(root_mean_squared_error(y, predicted)),
    }
