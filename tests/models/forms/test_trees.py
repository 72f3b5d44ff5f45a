"""Trees, forests and boosting: plain loops and walked nodes give scikit-learn's very bits."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from models.forms import Name, candidates
from tests.models.forms.hostile import assert_same, forms_of, number_rows, thresholds_of

X, y = load_iris(return_X_y=True)
D, d = load_diabetes(return_X_y=True)
D, d = D[:150, :5], d[:150]
LABELS = np.array(["setosa", "versi", "virginica"])
HOLES = X.copy()
HOLES[::7, 1] = np.nan
HOLES[::5, 3] = np.nan
OURS: tuple[Name, ...] = ("lean", "walked")

CLASSIFIERS: list[Any] = [
    DecisionTreeClassifier(random_state=0),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(9, n_jobs=-1, class_weight="balanced", random_state=0),
    ExtraTreesClassifier(5, bootstrap=True, warm_start=True, random_state=0),
]
REGRESSIONS: list[Any] = [
    DecisionTreeRegressor(random_state=0),
    ExtraTreeRegressor(random_state=0),
    DecisionTreeRegressor(criterion="poisson", max_depth=4, random_state=0),
    RandomForestRegressor(9, n_jobs=2, random_state=0),
    RandomForestRegressor(3, criterion="absolute_error", max_depth=5, random_state=0),
    ExtraTreesRegressor(5, max_leaf_nodes=7, random_state=0),
]
pytestmark = pytest.mark.filterwarnings("ignore")


def same(model: Any, X: Any) -> None:
    rows = number_rows(np.asarray(X, np.float64), thresholds_of(model, X.shape[1]))[::3]
    assert_same(model, X, rows, OURS)


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_classifiers(model: Any) -> None:
    for classes in (1, 2, 3):
        rows = y < classes
        same(clone(model).fit(X[rows], LABELS[y[rows]]), X[rows])
    same(clone(model).fit(HOLES, y), HOLES)
    same(clone(model).fit(X.astype(np.float32), y), X.astype(np.float32))


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_classifiers_of_several_outputs(model: Any) -> None:
    same(clone(model).fit(X, np.c_[LABELS[y], LABELS[np.minimum(y[::-1], 1)]]), X)


@pytest.mark.parametrize("model", REGRESSIONS, ids=str)
def test_regressions(model: Any) -> None:
    same(model.fit(D, d), D)
    same(model.fit(D, np.c_[d, d[::-1]]), D)


def test_a_leaf_of_negative_zero_keeps_its_sign() -> None:
    model = DecisionTreeRegressor(max_depth=2, random_state=0).fit(D, d)
    model.tree_.value[:] = -0.0
    assert np.signbit(model.predict(D)).all()
    same(model, D)


def test_duplicate_thresholds_constant_columns_and_odd_scales() -> None:
    rows = np.column_stack([np.round(X[:, 0]), np.ones(len(X)), X[:, 2] * 1e30, X[:, 3] * 1e-38])
    for model in (RandomForestClassifier(7, random_state=1), GradientBoostingClassifier()):
        same(model.set_params(n_estimators=7).fit(rows, y), rows)


def test_64_bit_whole_numbers_are_left_to_scikit_learn() -> None:
    rows = np.trunc(X * 10).astype(np.int64)
    assert forms_of(DecisionTreeClassifier().fit(rows, y), rows)[1] == []


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("settings", [{}, {"init": "zero", "subsample": 0.5}], ids=str)
def test_boosted_classifiers(classes: int, settings: dict[str, Any]) -> None:
    model = GradientBoostingClassifier(n_estimators=11, random_state=0, **settings)
    rows = y < classes
    same(model.fit(X[rows], LABELS[y[rows]]), X[rows])


def test_exponential_loss() -> None:
    model = GradientBoostingClassifier(n_estimators=9, loss="exponential", random_state=0)
    same(model.fit(X[y < 2], y[y < 2]), X[y < 2])


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_boosted_regressions(loss: str) -> None:
    same(GradientBoostingRegressor(n_estimators=9, loss=loss, random_state=0).fit(D, d), D)


def test_forests_that_grew_on_with_other_classes_are_left_to_scikit_learn() -> None:
    model = RandomForestClassifier(3, warm_start=True, random_state=0).fit(X, y)
    model.set_params(n_estimators=5).fit(X[y < 2], y[y < 2])
    schema, _ = forms_of(RandomForestClassifier(3).fit(X, y), X)
    assert [form.name for form in candidates(model, schema)] == ["scikit-learn"]


def test_boosting_that_starts_with_another_model_is_left_to_scikit_learn() -> None:
    model = GradientBoostingClassifier(n_estimators=3, init=LogisticRegression(max_iter=500))
    assert forms_of(model.fit(X, y), X)[1] == []


def test_trees_behind_a_scaler() -> None:
    for dtype in ("float64", "float32"):
        rows = X.astype(dtype)
        model = make_pipeline(StandardScaler(), RandomForestClassifier(8, random_state=0))
        assert_same(model.fit(rows, y), rows, number_rows(X)[::2], OURS)


def test_many_rows_in_one_call_cross_the_blocks() -> None:
    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    rows = np.tile(X, (9, 1)) + np.linspace(0, 0.3, 9 * len(X))[:, None]
    for form in forms_of(model, X, OURS)[1]:
        assert (form.predict_proba(rows) == model.predict_proba(rows)).all()  # type: ignore[attr-defined]
