"""From MLlib's winner to a scikit-learn Pipeline, and the proof that both answer the same."""

from typing import Final

import numpy as np
import pandas as pd
import pyspark.sql.functions as F
from pyspark.ml.functions import vector_to_array
from sklearn.pipeline import Pipeline

from models.errors import ArtefactError
from models.estimators import Estimator
from models.rows import Array
from models.spark.carry import carried
from models.spark.frames import ORDER
from models.spark.learners import Given
from models.spark.preparation import Preparation
from models.spark.runs import Winner

TOLERANCE: Final = 1e-12
"""Of probabilities, and of numbers in parts of the largest one."""


def to_pipeline(prepared: Preparation, winner: Winner, classes: Array | None) -> Pipeline:
    """Return what serves: the fitted features, and the model as a scikit-learn estimator."""
    estimator = carried(winner.learner, _own(winner), winner.model, classes)
    return Pipeline([("features", prepared.features), ("model", estimator)])


def prove_same(
    model: Estimator, winner: Winner, X: pd.DataFrame, rows: int, classes: Array | None
) -> None:
    """Compare the pipeline's answers with Spark's on held-out rows.

    Args:
        model: what came back.
        winner: with the held-out vectors.
        X: the first held-out rows by their order, as the pipeline takes them.
        rows: how many these are at the most.
        classes: the labels; None for numbers.

    Raises:
        ArtefactError: an answer differs by more than `TOLERANCE`.
    """
    if winner.held_out is None:
        raise ArtefactError("the winner was not judged yet")
    first = winner.held_out.orderBy(ORDER).limit(rows)
    answered = winner.model.transform(first)
    predicted = model.predict(X)
    if classes is None:
        expected = answered.orderBy(ORDER).select("prediction").toArrow()["prediction"].to_numpy()
        _refuse_difference(predicted, expected, max(1.0, float(np.abs(expected).max())))
        return
    shares = vector_to_array(F.col("probability")).alias("shares")
    table = answered.orderBy(ORDER).select("prediction", shares).toArrow()
    labels = classes[table["prediction"].to_numpy().astype(int)]
    _refuse_difference(model.predict_proba(X), np.array(table["shares"].to_pylist()), 1.0)
    differing = np.flatnonzero(predicted != labels)
    if len(differing):
        at = differing[0]
        raise ArtefactError(
            f"held-out row {at}: the model that came back says {predicted[at]!r} and Spark said"
            f" {labels[at]!r}"
        )


def _refuse_difference(answered: Array, expected: Array, size: float) -> None:
    distance = float(np.abs(answered - expected).max())
    if not distance <= TOLERANCE * size:
        raise ArtefactError(
            f"the model that came back from Spark answers otherwise, by up to {distance:.3g};"
            " it was not published"
        )


def _own(winner: Winner) -> Given:
    """Return the parameters that scikit-learn's class has, too."""
    return {name: value for name, value in winner.given.items() if name != "max_bins"}
