"""Metrics of MLlib's predictions on any number of rows, as scikit-learn defines them."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyspark.sql.functions as F
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from models.errors import BadSpecification
from models.rows import Array
from models.spec import Specification

LOWER_IS_BETTER: Final = frozenset({"log_loss", "mae", "rmse"})

_BY_LABELS: Final[dict[str, Callable[..., Any]]] = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1_macro": lambda y, answered, sample_weight: f1_score(
        y, answered, average="macro", sample_weight=sample_weight
    ),
}
_NAMES: Final = {
    "classification": (*_BY_LABELS, "log_loss", "roc_auc"),
    "regression": ("r2", "mae", "rmse"),
}


def refuse_unknown(spec: Specification) -> None:
    """Refuse a metric that is not computed here.

    Raises:
        BadSpecification: it is not, and which are.
    """
    names = _NAMES[spec.model.task]
    if spec.metric not in names:
        raise BadSpecification(
            f'fit.metric: engine = "spark" does not compute {spec.metric!r}; it has:'
            f" {', '.join(names)}"
        )


def is_better(metric: str, one: float, other: float) -> bool:
    """Say whether a value is better than another one; anything is better than NaN."""
    if np.isnan(other):
        return not np.isnan(one)
    return one < other if metric in LOWER_IS_BETTER else one > other


def metrics_of(answered: DataFrame, classes: Array | None) -> dict[str, float]:
    """Return metric's name → value over all rows; NaN where there are none.

    Args:
        answered: `label` and `prediction`; for classes, positions of labels, and `probability`.
        classes: the labels; None for numbers.
    """
    if classes is None:
        return _of_numbers(answered)
    cells = answered.groupBy("label", "prediction").count().collect()
    if not cells:
        return dict.fromkeys(_NAMES["classification"], float("nan"))
    y, predicted, weights = np.array(cells, dtype=np.float64).T
    values = {
        name: float(metric(y, predicted, sample_weight=weights))
        for name, metric in _BY_LABELS.items()
    }
    values["log_loss"] = _log_loss(answered)
    if len(classes) == 2 and len(np.unique(y)) == 2:
        # No bins: every probability is a threshold.
        evaluator = BinaryClassificationEvaluator(rawPredictionCol="probability", numBins=0)
        values["roc_auc"] = float(evaluator.evaluate(answered))
    return values


def _log_loss(answered: DataFrame) -> float:
    eps = float(np.finfo(np.float64).eps)
    shares = vector_to_array(F.col("probability"))
    own = F.get(shares, F.col("label").cast("int"))
    loss = -F.log(F.least(F.greatest(own, F.lit(eps)), F.lit(1 - eps)))
    row = answered.agg(F.avg(loss)).first()
    return float("nan") if row is None or row[0] is None else float(row[0])


def _of_numbers(answered: DataFrame) -> dict[str, float]:
    off = F.col("label") - F.col("prediction")
    row = answered.agg(
        F.avg(off * off), F.avg(F.abs(off)), F.var_pop("label"), F.count("label")
    ).first()
    if row is None or not row[3]:
        return dict.fromkeys(_NAMES["regression"], float("nan"))
    squares, absolute, variance, _ = row
    # Of one value, or of equal ones, scikit-learn says 1 if all are met, else 0.
    r2 = 1.0 - squares / variance if variance else float(squares == 0)
    return {"r2": float(r2), "mae": float(absolute), "rmse": float(np.sqrt(squares))}
