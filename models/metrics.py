"""Metrics by name, each with the direction that is better."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    explained_variance_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    max_error,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    median_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)

from models.errors import BadSpecification
from models.estimators import Estimator
from models.outputs import Task
from models.rows import Array, Rows

Score: TypeAlias = Callable[[Estimator, Rows, Array], float]
Of: TypeAlias = Literal["classification", "regression"]


@dataclass(frozen=True)
class Metric:
    """A number that says how good a fitted model is.

    Args:
        name: as a specification writes it.
        task: of the models that it judges.
        greater_is_better: its direction.
        score: of a fitted model, rows that it takes, and their targets, shape (n,).
        in_points: its values lie between 0 and 1, so that differences are told in points, which
            are hundredths.
    """

    name: str
    task: Of
    greater_is_better: bool
    score: Score
    in_points: bool = True

    def gain(self, value: float, over: float) -> float:
        """Return by how much a value is better than another one; below 0 if it is worse."""
        return value - over if self.greater_is_better else over - value

    def is_better(self, value: float, than: float) -> bool:
        """Say whether a value beats another one; any number beats NaN."""
        return not np.isnan(value) and (np.isnan(than) or self.gain(value, than) > 0)

    def reaches(self, value: float, goal: float) -> bool:
        """Say whether a value is as good as the goal."""
        return self.gain(value, goal) >= 0


def metric_named(name: str, task: str) -> Metric:
    """Return the metric of a task by its name.

    Raises:
        BadSpecification: there is none of this name for the task; its text lists those that are.
    """
    known = [one.name for one in METRICS.values() if one.task == task]
    if name in known:
        return METRICS[name]
    if name in METRICS:
        reason = f"it is for {METRICS[name].task}, and the task is {task}."
    else:
        close = difflib.get_close_matches(name, known, 1)
        reason = f"did you mean {close[0]!r}?" if close else "there is no such metric."
    raise BadSpecification(f"fit.metric {name!r}: {reason} For {task}: {', '.join(known)}")


def held_out_metrics(model: Estimator, task: Task, X: Rows, y: Array) -> dict[str, float]:
    """Return the usual metrics of the task by name.

    Args:
        model: a fitted estimator; without probabilities it has no log loss.
        task: classification, or else y is numbers.
        X: rows that it was not fitted on.
        y: their targets, shape (n,).
    """
    names = ["accuracy", "f1_macro"] if task == "classification" else ["r2", "mae", "rmse"]
    if task == "classification" and hasattr(model, "predict_proba"):
        names.append("log_loss")
    return {name: METRICS[name].score(model, X, y) for name in names}


def class_scores(model: Estimator, X: Rows) -> Array:
    """Return a score a class by which rows can be ranked, shape (n, classes).

    Probabilities if the model has them, else what its decision function says.
    """
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X))
    decided = np.asarray(model.decision_function(X))
    return np.column_stack([-decided, decided]) if decided.ndim == 1 else decided


def _of_labels(score: Callable[..., Any], **options: Any) -> Score:
    return lambda model, X, y: float(score(y, model.predict(X), **options))


def _log_loss(model: Estimator, X: Rows, y: Array) -> float:
    return float(log_loss(y, model.predict_proba(X), labels=model.classes_))


def _each_class(
    ranking: Callable[[Array, Array], Any], model: Estimator, X: Rows, y: Array
) -> float:
    """Return the mean over classes of a ranking score of each against the rest.

    Of two classes the second counts alone. A class that these rows lack, or that all of them have,
    cannot be ranked and is left out; NaN if none is left.
    """
    scores, classes = class_scores(model, X), model.classes_
    counted = range(1, 2) if len(classes) == 2 else range(len(classes))
    found = [
        float(ranking(y == classes[at], scores[:, at]))
        for at in counted
        if 0 < np.count_nonzero(y == classes[at]) < len(y)
    ]
    return float(np.mean(found)) if found else float("nan")


def _table() -> dict[str, Metric]:
    averaged: Any = {"zero_division": 0.0}
    classification: list[tuple[str, bool, Score]] = [
        ("accuracy", True, _of_labels(accuracy_score)),
        ("balanced_accuracy", True, _of_labels(balanced_accuracy_score)),
        ("f1_macro", True, _of_labels(f1_score, average="macro", **averaged)),
        ("f1_weighted", True, _of_labels(f1_score, average="weighted", **averaged)),
        ("precision_macro", True, _of_labels(precision_score, average="macro", **averaged)),
        ("recall_macro", True, _of_labels(recall_score, average="macro", **averaged)),
        ("matthews", True, _of_labels(matthews_corrcoef)),
        ("cohen_kappa", True, _of_labels(cohen_kappa_score)),
        ("roc_auc", True, partial(_each_class, roc_auc_score)),
        ("average_precision", True, partial(_each_class, average_precision_score)),
        ("log_loss", False, _log_loss),
    ]
    regression: list[tuple[str, bool, Score]] = [
        ("r2", True, _of_labels(r2_score)),
        ("explained_variance", True, _of_labels(explained_variance_score)),
        ("mae", False, _of_labels(mean_absolute_error)),
        ("rmse", False, _of_labels(root_mean_squared_error)),
        ("mse", False, _of_labels(mean_squared_error)),
        ("median_ae", False, _of_labels(median_absolute_error)),
        ("mean_absolute_percentage_error", False, _of_labels(mean_absolute_percentage_error)),
        ("max_error", False, _of_labels(max_error)),
    ]
    tables: list[tuple[Of, list[tuple[str, bool, Score]]]] = [
        ("classification", classification),
        ("regression", regression),
    ]
    return {
        name: Metric(name, task, greater, score, in_points=greater)
        for task, rows in tables
        for name, greater, score in rows
    }


METRICS: Final = _table()
"""Every metric by name."""
