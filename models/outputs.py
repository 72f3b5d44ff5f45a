"""What a fitted model answers, found by asking it."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor

from models.errors import RefusedModel
from models.estimators import Estimator, Method, answer, final_estimator, method_of
from models.labels import MAX_WIDTH, classes_schema
from models.neighbours import refuse_if_neighbours_matter
from models.rows import Array, Rows, label
from models.schema import DType, Label, OutputSchema
from models.writes import refuse_if_writes_matter

SHOWN_COLUMNS: Final = 5

Task = Literal["classification", "regression", "other"]

_INSTEAD_OF_SPARSE: Final[dict[Method, str]] = {
    "predict": "fit it on a y that is no sparse matrix",
    "transform": "let the last step answer dense rows (sparse_output=False; a ColumnTransformer:"
    " sparse_threshold=0), or put TruncatedSVD behind it",
}
_INSTEAD_OF_WORDS: Final[dict[Method, str]] = {
    "predict": "fit it on numbers, or use a classifier",
    "transform": "let an encoder be its last step",
}


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
    """Predict (or transform) once, and once more for the probabilities."""
    predicted = np.asarray(answer(model, X))
    if not probabilities:
        return Answers(predicted, None)
    return Answers(predicted, np.asarray(model.predict_proba(X), dtype=np.float64))


def task_of(model: Estimator) -> Task:
    """Say what kind of model it is."""
    if method_of(model) == "transform":
        return "other"
    if is_classifier(model) or getattr(final_estimator(model), "classes_", None) is not None:
        return "classification"
    return "regression" if is_regressor(model) else "other"


def output_schema(model: Estimator, X: Rows) -> OutputSchema:
    """Derive what the model answers from its answers to some rows.

    Args:
        model: a fitted estimator.
        X: rows that it takes; the more, the better `labels_from_probabilities` is founded.

    Raises:
        RefusedModel: the answers are of a kind that cannot be served, and which.
    """
    method = method_of(model) or "predict"
    predicted = _answered(model, X.copy(), method)
    refuse_if_writes_matter(model, X)
    if task_of(model) == "classification":
        schema = classes_schema(model, X, predicted)
    else:
        schema = _values_schema(predicted, method)
    refuse_if_neighbours_matter(model, X)
    return schema


def _values_schema(predicted: Array, method: Method) -> OutputSchema:
    if predicted.dtype.kind not in "biuf":
        raise RefusedModel(
            f"{method} answers {predicted.dtype} values; numbers are needed:"
            f" {_INSTEAD_OF_WORDS[method]}"
        )
    if not np.isfinite(predicted).all():
        raise RefusedModel(
            f"{method} answers NaN or infinity for some of the sample rows, and JSON has no word"
            " for either; put an imputer before the step that lets them through, or drop these rows"
        )
    width = None if predicted.ndim == 1 else predicted.shape[1]
    dtype = "float64" if predicted.dtype.kind == "f" else predicted.dtype.name
    return OutputSchema(method=method, kind="values", dtype=cast("DType", dtype), width=width)


def _answered(model: Estimator, X: Rows, method: Method) -> Array:
    try:
        raw = answer(model, X)
    except Exception as error:
        raise RefusedModel(
            f"{method} fails on the sample rows: {type(error).__name__}: {error}{_types_of(X)}"
        ) from error
    if hasattr(raw, "toarray"):
        raise RefusedModel(
            f"{method} answers a sparse matrix, which JSON cannot carry;"
            f" {_INSTEAD_OF_SPARSE[method]}"
        )
    predicted = np.asarray(raw)
    if predicted.ndim not in (1, 2) or len(predicted) != len(X):
        raise RefusedModel(
            f"{method} answers shape {predicted.shape} for {len(X)} rows; one answer a row is"
            " needed: an array of shape (rows,) or (rows, outputs)"
        )
    if predicted.ndim == 2 and not 0 < predicted.shape[1] <= MAX_WIDTH:
        raise RefusedModel(
            f"{method} answers {predicted.shape[1]} numbers a row; 1 to {MAX_WIDTH} can be served:"
            " reduce them, with a PCA for example"
        )
    return predicted


def _types_of(X: Rows) -> str:
    if not isinstance(X, pd.DataFrame):
        return ""
    types = ", ".join(f"{name} {dtype}" for name, dtype in list(X.dtypes.items())[:SHOWN_COLUMNS])
    return (
        f" (the rows hold {types}{', …' if X.shape[1] > SHOWN_COLUMNS else ''}). Give rows of the"
        " types that it was fitted on, as Parquet, for a CSV file cannot tell days and times from"
        " texts, nor integers of 8 bits from others"
    )


def _answer(row: object) -> Label | list[Label]:
    if isinstance(row, np.ndarray):
        return [label(value, "predict") for value in row]
    return label(row, "predict")
