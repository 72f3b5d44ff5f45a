"""Answers of other servers are judged as strictly as our own."""

import json
from typing import Any

import pytest

from loadtest.dialects import Dialect
from loadtest.judge import find_fault
from loadtest.payload import Answer, Expected

LABELS, SHARES = ["setosa", "virginica"], [[0.75, 0.25], [0.5, 0.5]]
VALUES = [1.5, -2.0]


def classifier(dialect: Dialect) -> Expected:
    answer = Answer(predictions=LABELS, classes=LABELS, probabilities=SHARES)
    return Expected(model="m", labels=True, answers={3: answer}, dialect=dialect)


def regressor(dialect: Dialect) -> Expected:
    return Expected(
        model="m", labels=False, answers={3: Answer(predictions=VALUES)}, dialect=dialect
    )


def tensor(data: list[float], shape: list[int]) -> dict[str, Any]:
    return {"outputs": [{"name": "predict_proba", "shape": shape, "data": data}]}


@pytest.mark.parametrize(
    ("dialect", "got"),
    [
        ("plain", {"predictions": LABELS, "probabilities": SHARES}),
        ("matrix", SHARES),
        ("mlflow", {"predictions": SHARES}),
        ("v2", tensor([0.75, 0.25, 0.5, 0.5], [2, 2])),
    ],
)
def test_right_answers_of_a_classifier_are_right(dialect: Dialect, got: Any) -> None:
    assert find_fault(classifier(dialect), json.dumps(got).encode()) == ""


@pytest.mark.parametrize(
    ("dialect", "got"),
    [
        ("plain", {"predictions": VALUES}),
        ("matrix", VALUES),
        ("mlflow", {"predictions": VALUES}),
        ("v2", tensor(VALUES, [2])),
    ],
)
def test_right_answers_of_a_regressor_are_right(dialect: Dialect, got: Any) -> None:
    assert find_fault(regressor(dialect), json.dumps(got).encode()) == ""


@pytest.mark.parametrize(
    ("dialect", "got", "fault"),
    [
        ("plain", {"predictions": LABELS[::-1], "probabilities": SHARES}, "predictions"),
        ("plain", {"predictions": LABELS, "probabilities": SHARES[::-1]}, "probabilities"),
        ("plain", {"predictions": LABELS}, "not_json"),
        ("plain", [], "not_json"),
        ("matrix", SHARES[:1], "probabilities"),
        ("matrix", [[0.75, 0.25], [0.5, 0.5 + 1e-9]], "probabilities"),
        ("mlflow", {"predictions": LABELS}, "probabilities"),
        ("mlflow", {"error": "no"}, "not_json"),
        ("v2", tensor([0.75, 0.25, 0.5], [2, 2]), "not_json"),
        ("v2", tensor([0.75, 0.25, 0.5, 0.4], [2, 2]), "probabilities"),
        ("v2", {"outputs": []}, "not_json"),
    ],
)
def test_wrong_answers_are_wrong(dialect: Dialect, got: Any, fault: str) -> None:
    assert find_fault(classifier(dialect), json.dumps(got).encode()) == fault


def test_our_own_answers_may_lack_nothing() -> None:
    got = {"predictions": LABELS, "probabilities": SHARES}
    assert find_fault(classifier("percore"), json.dumps(got).encode()) == "model"
