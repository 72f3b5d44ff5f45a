import json
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from models.schema import OutputSchema
from service.errors import ModelFailed
from service.inference.predictor import Prediction, Predictor

VERIFIED = OutputSchema(
    kind="classes",
    dtype="int64",
    classes=(0, 1, 2),
    probabilities=True,
    labels_from_probabilities=True,
)
ASKED = VERIFIED.model_copy(update={"labels_from_probabilities": False})
X, y = load_iris(return_X_y=True)


class Fixed:
    """Stands where the estimator stands: answers what it was told."""

    def __init__(self, predictions: Any, probabilities: Any = None) -> None:
        self.classes_ = np.array([0, 1, 2])
        self._predictions = np.asarray(predictions)
        self._probabilities = np.asarray(probabilities)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        return self._predictions[: len(X)]

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        return self._probabilities[: len(X)]


class Fragile(Fixed):
    """Raises if any row holds a NaN, as many estimators do."""

    def predict(self, X: Any) -> npt.NDArray[Any]:
        if np.isnan(X).any():
            raise ValueError("Input X contains NaN at /secret/path")
        return np.asarray(X.sum(axis=1))


def test_labels_equal_predict_near_a_decision_boundary() -> None:
    model = LogisticRegression(max_iter=500).fit(X[:100], y[:100])
    model.classes_ = np.array([0, 1])
    # points on the boundary: probabilities tie after rounding, the sign of the decision does not
    normal = model.coef_[0]
    on_it = X[:100] - np.outer((X[:100] @ normal + model.intercept_[0]) / (normal @ normal), normal)
    nudged = on_it + np.outer(np.linspace(-1e-16, 1e-16, 100), normal)
    output = VERIFIED.model_copy(update={"classes": (0, 1)})
    got = Predictor(model, output).predict(nudged, True)
    assert got.labels is not None
    assert (got.labels == model.predict(nudged)).all()


def test_a_model_that_was_not_verified_is_asked_for_its_labels() -> None:
    model = SVC().fit(X, y)
    labels = np.array([2, 1, 0])
    certain = np.eye(3)
    got = Predictor(Fixed(labels, certain), ASKED).predict(np.zeros((3, 4)), True)
    assert got.labels is not None
    assert got.labels.tolist() == [2, 1, 0]  # and not the argmax of the probabilities
    plain = OutputSchema(kind="classes", dtype="int64", classes=(0, 1, 2))
    asked = Predictor(model, plain).predict(X, False)
    assert asked.labels is not None
    assert (asked.labels == model.predict(X)).all()


@pytest.mark.parametrize(
    "answer", [[0], [0, 1, 2, 0], [[0, 1, 2]], [0, 1, 7], [0.5, 1, 2]], ids=str
)
def test_an_answer_of_another_form_is_the_models_failure(answer: Any) -> None:
    class Odd(Fixed):
        def predict(self, X: Any) -> npt.NDArray[Any]:
            return self._predictions

    output = OutputSchema(kind="classes", dtype="int64", classes=(0, 1, 2))
    with pytest.raises(ModelFailed):
        Predictor(Odd(answer), output).predict(np.zeros((3, 4)), False)


def test_the_row_that_breaks_the_model_fails_alone() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    rows[2, 1] = np.nan
    output = OutputSchema(kind="values", dtype="float64")
    spans = [(0, 1), (1, 2), (2, 3), (3, 4)]
    outcomes = Predictor(Fragile([]), output).predict_spans(rows, spans, False)
    failed = outcomes.pop(2)
    assert isinstance(failed, ModelFailed)
    assert "secret" not in failed.message
    values = [one.values for one in outcomes if isinstance(one, Prediction)]
    assert [value.tolist() for value in values if value is not None] == [[3.0], [12.0], [30.0]]


def test_an_infinite_answer_is_a_failure_and_not_null() -> None:
    output = OutputSchema(kind="values", dtype="float64")
    answers = Fixed([1.0, np.inf, np.nan])

    class ByRow(Fixed):
        def predict(self, X: Any) -> npt.NDArray[Any]:
            return np.asarray(self._predictions[X[:, 0].astype(int)])

    model = ByRow(answers._predictions)
    X = np.arange(3.0)[:, None]
    outcomes = Predictor(model, output).predict_spans(X, [(0, 1), (1, 2), (2, 3)], False)
    assert [isinstance(one, ModelFailed) for one in outcomes] == [False, True, True]


def test_float32_answers_are_widened_before_they_are_written() -> None:
    output = OutputSchema(kind="values", dtype="float64")
    value = np.float32(0.1)
    got = Predictor(Fixed(np.array([value])), output).predict(np.zeros((1, 1)), False)
    assert got.values is not None
    assert got.values.dtype == np.float64
    # orjson writes a float32 as 0.1, which is another number
    assert json.loads(orjson.dumps(got.values.tolist())) == [float(value)]
