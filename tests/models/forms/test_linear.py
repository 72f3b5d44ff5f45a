"""Linear models, with and without scalers, answer as scikit-learn does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

from models.transform.logarithm import LogOnePlus
from tests.models.forms.hostile import assert_same, forms_of, number_rows

X, y = load_iris(return_X_y=True)
D, d = load_diabetes(return_X_y=True)
D, d = D[:150, :5], d[:150]
LABELS = np.array(["setosa", "versi", "virginica"])
ODD, ODD_D = number_rows(X)[::4], number_rows(D)[::4]

CLASSIFIERS: list[Any] = [
    LogisticRegression(C=0.1),
    LogisticRegression(C=1e6, max_iter=20, fit_intercept=False),
    RidgeClassifier(),
    RidgeClassifier(fit_intercept=False),
    LinearSVC(class_weight="balanced"),
    SGDClassifier(random_state=0),
    SGDClassifier(loss="log_loss", average=True, random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    Perceptron(random_state=0),
]
REGRESSIONS: list[Any] = [
    LinearRegression(),
    LinearRegression(fit_intercept=False, positive=True),
    Ridge(),
    Lasso(),
    ElasticNet(warm_start=True),
    SGDRegressor(random_state=0),
    LinearSVR(),
]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_types_and_containers(dtype: str, names: bool, scaled: bool) -> None:
    for classes in (2, 3):
        rows: Any = X[y < classes].astype(dtype)
        if names:
            rows = pd.DataFrame(rows, columns=list("abcd"))
        steps = [StandardScaler()] if scaled else []
        model = make_pipeline(*steps, LogisticRegression(max_iter=1000)).fit(rows, y[y < classes])
        odd = ODD
        if dtype == "int64":
            odd = np.trunc(odd[(abs(odd) < 2.0**60).all(axis=1)])
        assert_same(model, rows, odd, ["lean"])


def test_columns_of_mixed_number_types() -> None:
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"a": "float32", "c": "int64"})
    odd = ODD[(abs(ODD) < 2.0**60).all(axis=1)]
    odd[:, 2] = np.trunc(odd[:, 2])
    for steps in ([], [StandardScaler()]):
        model = make_pipeline(*steps, LogisticRegression(max_iter=500)).fit(frame, LABELS[y])
        assert_same(model, frame, odd, ["lean"])


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers(model: Any, classes: int) -> None:
    rows = X[y < classes]
    assert_same(model.fit(rows, LABELS[y[y < classes]]), rows, ODD, ["lean"])


@pytest.mark.parametrize("model", REGRESSIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_regressions(model: Any, dtype: str) -> None:
    rows = D.astype(dtype)
    assert_same(model.fit(rows, d), rows, ODD_D, ["lean"])


@pytest.mark.parametrize("model", [LinearRegression(), Ridge(), Lasso()], ids=str)
@pytest.mark.parametrize("outputs", [1, 2])
def test_regressions_of_several_outputs(model: Any, outputs: int) -> None:
    assert_same(model.fit(D, np.c_[d, -d][:, :outputs]), D, ODD_D, ["lean"])


@pytest.mark.parametrize(
    "scaler",
    [
        MinMaxScaler((0, 2), clip=True),
        MinMaxScaler(),
        MaxAbsScaler(clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False, unit_variance=True),
        RobustScaler(with_scaling=False),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        StandardScaler(copy=False),
        Normalizer(),
        Normalizer("l1"),
        Normalizer("max"),
        LogOnePlus(),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_scalers(scaler: Any, dtype: str) -> None:
    rows = X.astype(dtype)
    rows[:, 1] = 3  # a constant column
    rows[:, 2] *= 1e-30
    model = make_pipeline(scaler, Ridge()).fit(rows, y)
    assert_same(model, rows, ODD, ["lean"])
    assert_same(make_pipeline(scaler).fit(rows), rows, ODD, ["lean"])


class OwnRidge(Ridge):  # type: ignore[misc]
    def predict(self, X: Any) -> Any:
        return super().predict(X) + 1


def test_what_is_not_known_has_no_form() -> None:
    shadowed = Ridge().fit(X, y)
    shadowed.predict = lambda rows: np.zeros(len(rows))
    sparse = SGDClassifier().fit(X, y).sparsify()
    stranger = Ridge().fit(X, y)
    stranger.get_params = lambda deep=True: {"new_way": 1}
    frame = pd.DataFrame(X, columns=list("abcd"))
    framed = make_pipeline(StandardScaler(), Ridge()).set_output(transform="pandas")
    for model in (OwnRidge().fit(X, y), shadowed, sparse, SVC().fit(X, y), stranger):
        assert forms_of(model, X)[1] == []
    assert forms_of(framed.fit(frame, y), frame)[1] == []


@pytest.mark.parametrize("labels", [2, 3])
def test_several_labels_a_row_have_no_form(labels: int) -> None:
    # There are as many scores as classes, and the best of them would be no answer.
    model = RidgeClassifier().fit(X, np.c_[y > 0, y > 1, y == 1][:, :labels].astype(int))
    assert forms_of(model, X)[1] == []


def test_rows_of_another_width_and_no_rows_are_refused() -> None:
    [form] = forms_of(Ridge().fit(X, y), X)[1]
    for bad in (X[:, :3], X[:0], X[0]):
        with pytest.raises(ValueError, match="X must have rows of 4 columns"):
            form.predict(bad)  # type: ignore[attr-defined]
