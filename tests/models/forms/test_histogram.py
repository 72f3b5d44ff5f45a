"""HistGradientBoosting: the very bits, with missing values, extremes and every loss."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.forms import Name
from tests.models.forms.hostile import assert_same, forms_of, number_rows, thresholds_of

X, y = load_iris(return_X_y=True)
D, d = load_diabetes(return_X_y=True)
D, d = D[:150, :5], d[:150]
LABELS = np.array(["setosa", "versi", "virginica"])
HOLES = X.copy()
HOLES[::7, 1] = np.nan
HOLES[::5, 3] = np.nan
OURS: tuple[Name, ...] = ("lean", "walked")


def same(model: Any, X: Any) -> None:
    rows = number_rows(np.asarray(X, np.float64), thresholds_of(model, X.shape[1]))[::2]
    assert_same(model, X, rows, OURS)


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers(classes: int) -> None:
    for rows in (X, HOLES):
        model = HistGradientBoostingClassifier(max_iter=9, min_samples_leaf=3, random_state=0)
        part = y < classes
        same(model.fit(rows[part], LABELS[y[part]]), rows[part])


@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "gamma", "poisson", "quantile"]
)
def test_regressions(loss: str) -> None:
    quantile = {"quantile": 0.7} if loss == "quantile" else {}
    model = HistGradientBoostingRegressor(loss=loss, max_iter=9, random_state=0, **quantile)
    same(model.fit(D, d), D)


def test_types_of_rows() -> None:
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    for dtype in ("float32", "float64"):
        rows = pd.DataFrame(X.astype(dtype), columns=list("abcd"))
        assert_same(model.fit(rows, y), rows, number_rows(X)[::4], OURS)


def test_behind_a_scaler() -> None:
    model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5))
    assert_same(model.fit(HOLES, y), HOLES, number_rows(HOLES)[::2], OURS)


def test_one_leaf_a_tree() -> None:
    same(HistGradientBoostingRegressor(max_iter=3).fit(D[:9], d[:9]), D[:9])


def test_many_rows_in_one_call_cross_the_blocks() -> None:
    model = HistGradientBoostingClassifier(max_iter=9, random_state=0).fit(X, y)
    rows = np.tile(X, (9, 1)) + np.linspace(0, 0.3, 9 * len(X))[:, None]
    for form in forms_of(model, X, OURS)[1]:
        assert (form.predict_proba(rows) == model.predict_proba(rows)).all()  # type: ignore[attr-defined]


def test_categories_in_an_array() -> None:
    draw = np.random.default_rng(1)
    rows = np.column_stack([X[:, 0], draw.integers(0, 60, len(X)), X[:, 2:], y + 3])
    rows[::11, 1] = np.nan
    target = y + (rows[:, 1] % 3 == 0)
    model = HistGradientBoostingClassifier(
        max_iter=7, categorical_features=[1, 4], min_samples_leaf=2, random_state=0
    ).fit(rows, target)
    odd = number_rows(rows)[::2]
    odd[::3, 1] = draw.choice([-1.0, 0.5, 59.0, 60.0, 61.0, 1e9, np.nan, -0.0], len(odd[::3]))
    assert_same(model, rows, odd, OURS)


def test_categories_in_a_frame() -> None:
    draw = np.random.default_rng(2)
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["town"] = draw.choice(["York", "Hull", "Bath", "Ely"], len(X))
    frame["rooms"] = draw.integers(0, 5, len(X))
    target = y + (frame["town"] == "York").to_numpy()
    odd = frame.sample(300, replace=True, random_state=1).reset_index(drop=True)
    towns = np.array(["York", "Hull", "Ripon", None], dtype=object)
    odd["town"] = pd.Series(draw.choice(towns, len(odd)), dtype=frame["town"].dtype)
    odd["a"] = draw.choice(number_rows(X)[:, 0], len(odd))
    for columns in (["town"], ["rooms", "town"], list(frame.columns)[-2:]):
        model = HistGradientBoostingRegressor(max_iter=6, categorical_features=columns)
        assert_same(model.fit(frame, target), frame, odd, OURS)
