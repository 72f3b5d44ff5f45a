"""What a fitted model answers, found by asking it."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from models.errors import RefusedModel
from models.estimators import Estimator, final_estimator
from models.rows import Array, Rows, label
from models.schema import DType, Label, OutputSchema

Task = Literal["classification", "regression", "other"]

ARGMAX_CLASSIFIERS: Final = (
    LogisticRegression,
    RandomForestClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    GradientBoostingClassifier,
    DecisionTreeClassifier,
    ExtraTreeClassifier,
    GaussianNB,
)
"""Classes whose `predict` takes the largest of the scores from which `predict_proba` is a strictly
rising function, as their sources say. Subclasses do not count: they may override either."""

NEAR_TIE: Final = 1e-9
"""Rows whose two best probabilities are closer than this get their label from `predict`."""

_KINDS: Final[dict[type, DType]] = {bool: "bool", int: "int64", float: "float64", str: "string"}


@dataclass(frozen=True)
class Answers:
    """What a model said to some rows, as numpy gave it.

    Args:
        predictions: shape (n,) or (n, width).
        probabilities: float64, shape (n, classes); None if the model has none.
    """

    predictions: Array
    probabilities: Array | None

    def as_json(self) -> tuple[list[Any], list[list[float]] | None]:
        """Return predictions and probabilities as JSON values."""
        predictions = [_answer(row) for row in self.predictions]
        if self.probabilities is None:
            return predictions, None
        return predictions, [[float(p) for p in row] for row in self.probabilities]


def ask(model: Estimator, X: Rows, *, probabilities: bool) -> Answers:
    """Predict once, and once more for the probabilities."""
    predicted = np.asarray(model.predict(X))
    if not probabilities:
        return Answers(predicted, None)
    return Answers(predicted, np.asarray(model.predict_proba(X), dtype=np.float64))


def task_of(model: Estimator) -> Task:
    """Say what kind of model it is."""
    if is_classifier(model) or getattr(final_estimator(model), "classes_", None) is not None:
        return "classification"
    return "regression" if is_regressor(model) else "other"


def output_schema(model: Estimator, X: Rows) -> OutputSchema:
    """Derive what `predict` answers from the answers to some rows.

    Args:
        model: a fitted estimator.
        X: rows that it takes; the more, the better `labels_from_probabilities` is founded.

    Raises:
        RefusedModel: the answers are of a kind that cannot be served, and which.
    """
    predicted = _predicted(model, X)
    if task_of(model) == "classification":
        return _classes_schema(model, X, predicted)
    if predicted.dtype.kind not in "biuf":
        raise RefusedModel(f"predict answers {predicted.dtype} values; numbers are needed")
    if not np.isfinite(predicted).all():
        raise RefusedModel("predict answers NaN or infinity for some of the sample rows")
    width = None if predicted.ndim == 1 else predicted.shape[1]
    dtype = "float64" if predicted.dtype.kind == "f" else predicted.dtype.name
    return OutputSchema(kind="values", dtype=cast("DType", dtype), width=width)


def _predicted(model: Estimator, X: Rows) -> Array:
    try:
        raw = model.predict(X)
    except Exception as error:
        raise RefusedModel(
            f"predict fails on the sample rows: {type(error).__name__}: {error}"
        ) from error
    if hasattr(raw, "toarray"):
        raise RefusedModel("predict answers a sparse matrix, which JSON cannot carry")
    predicted = np.asarray(raw)
    if predicted.ndim not in (1, 2) or len(predicted) != len(X):
        raise RefusedModel(
            f"predict answers shape {predicted.shape} for {len(X)} rows; one answer a row is needed"
        )
    return predicted


def _classes_schema(model: Estimator, X: Rows, predicted: Array) -> OutputSchema:
    found = getattr(model, "classes_", None)
    if found is None:
        raise RefusedModel("the classifier has no classes_; fit it before you register it")
    if isinstance(found, list) or predicted.ndim != 1:
        raise RefusedModel(
            "the classifier predicts several labels a row, and an answer has room for one;"
            " register one classifier a label"
        )
    classes = tuple(label(value, "classes_") for value in found)
    strange = {label(value, "predict") for value in predicted} - set(classes)
    if strange:
        raise RefusedModel(f"predict answers {min(map(repr, strange))}, which is not in classes_")
    probabilities = _probabilities(model, X, len(classes))
    return OutputSchema(
        kind="classes",
        dtype=_label_dtype(np.asarray(found), classes),
        classes=classes,
        probabilities=probabilities is not None,
        labels_from_probabilities=probabilities is not None
        and type(final_estimator(model)) in ARGMAX_CLASSIFIERS
        and _agree(probabilities, np.asarray(found), predicted),
    )


def _probabilities(model: Estimator, X: Rows, classes: int) -> Array | None:
    """Return `predict_proba`, or None if the model has none that can be served."""
    try:
        raw = np.asarray(model.predict_proba(X))
    except Exception:
        return None
    usable = raw.shape == (len(X), classes) and raw.dtype.kind == "f" and np.isfinite(raw).all()
    return raw if usable else None


def _agree(probabilities: Array, classes: Array, predicted: Array) -> bool:
    """Say whether labels follow from probabilities in every row that is no near tie."""
    # In float32 the rounding of another batch size is far above NEAR_TIE.
    if probabilities.dtype != np.float64 or len(classes) < 2:
        return False
    best_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    clear = best_two[:, 1] - best_two[:, 0] > NEAR_TIE
    return bool((classes[probabilities.argmax(axis=1)] == predicted)[clear].all())


def _label_dtype(found: Array, classes: tuple[Label, ...]) -> DType:
    kinds = {type(value) for value in classes}
    if len(kinds) != 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise RefusedModel(f"classes_ mixes {names}; one type of label is needed")
    return cast("DType", found.dtype.name) if found.dtype.kind in "iu" else _KINDS[kinds.pop()]


def _answer(row: object) -> Label | list[Label]:
    if isinstance(row, np.ndarray):
        return [label(value, "predict") for value in row]
    return label(row, "predict")
