"""Metrics by name, against scikit-learn's scorers."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

from models.errors import BadSpecification
from models.metrics import METRICS, held_out_metrics, metric_named

SCORERS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1_macro": "f1_macro",
    "f1_weighted": "f1_weighted",
    "precision_macro": "precision_macro",
    "recall_macro": "recall_macro",
    "matthews": "matthews_corrcoef",
    "log_loss": "neg_log_loss",
    "roc_auc": "roc_auc_ovr",
    "r2": "r2",
    "explained_variance": "explained_variance",
    "mae": "neg_mean_absolute_error",
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "median_ae": "neg_median_absolute_error",
    "mean_absolute_percentage_error": "neg_mean_absolute_percentage_error",
    "max_error": "neg_max_error",
}
LOADERS: dict[str, Any] = {
    "iris": load_iris, "breast_cancer": load_breast_cancer, "diabetes": load_diabetes
}  # fmt: skip


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("data", ["iris", "breast_cancer", "diabetes"])
def test_a_metric_is_scikit_learns_scorer(name: str, data: str) -> None:
    metric = METRICS[name]
    X, y = LOADERS[data](return_X_y=True)
    if (metric.task == "regression") != (data == "diabetes"):
        with pytest.raises(BadSpecification, match=rf"it is for {metric.task}, and the task"):
            metric_named(name, "regression" if data == "diabetes" else "classification")
        return
    model = (LinearRegression() if data == "diabetes" else GaussianNB()).fit(X[::2], y[::2])
    expected = get_scorer(SCORERS[name])(model, X[1::2], y[1::2])
    if name == "log_loss":
        # Of two classes the scorer takes the second alone, and 1 - p has lost what is small in p.
        expected = -log_loss(y[1::2], model.predict_proba(X[1::2]))
    sign = 1 if metric.greater_is_better else -1
    assert math.isclose(metric.score(model, X[1::2], y[1::2]), sign * expected, rel_tol=1e-12)


def test_every_metric_is_compared_or_named_here() -> None:
    assert set(METRICS) - set(SCORERS) == {"cohen_kappa", "average_precision"}


def test_direction() -> None:
    r2, mae = METRICS["r2"], METRICS["mae"]
    assert r2.is_better(0.9, 0.8)
    assert mae.is_better(0.8, 0.9)
    assert r2.is_better(-5.0, math.nan)
    assert not mae.is_better(math.nan, 9.0)
    assert not r2.is_better(0.8, 0.8)
    assert r2.reaches(0.9, 0.9)
    assert mae.reaches(1.0, 2.0)
    assert not mae.reaches(2.1, 2.0)
    assert math.isclose(mae.gain(1.0, over=3.0), 2.0)


def test_ranking_without_probabilities_uses_the_decision_function() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    model = LinearSVC().fit(X / X.max(axis=0), y)
    expected = roc_auc_score(y, model.decision_function(X / X.max(axis=0)))
    assert METRICS["roc_auc"].score(model, X / X.max(axis=0), y) == expected


def test_a_class_that_the_rows_lack_is_left_out_of_ranking() -> None:
    X, y = load_iris(return_X_y=True)
    model, two = GaussianNB().fit(X, y), y < 2
    scores = model.predict_proba(X[two])
    expected = np.mean([roc_auc_score(y[two] == at, scores[:, at]) for at in (0, 1)])
    assert METRICS["roc_auc"].score(model, X[two], y[two]) == expected
    assert math.isnan(METRICS["roc_auc"].score(model, X[y == 1], y[y == 1]))


def test_a_classifier_that_never_says_a_class_warns_of_nothing() -> None:
    X, y = load_iris(return_X_y=True)
    assert METRICS["f1_macro"].score(DummyClassifier().fit(X, y), X, y) == pytest.approx(1 / 6)


def test_held_out_metrics_without_probabilities() -> None:
    X, y = load_iris(return_X_y=True)
    found = held_out_metrics(RidgeClassifier().fit(X, y), "classification", X, y)
    assert set(found) == {"accuracy", "f1_macro"}


def test_an_unknown_metric_is_told_with_its_neighbour() -> None:
    with pytest.raises(BadSpecification, match="did you mean 'accuracy'"):
        metric_named("accuracyy", "classification")
    with pytest.raises(BadSpecification, match=r"no such metric\. For regression: r2,"):
        metric_named("zzz", "regression")
