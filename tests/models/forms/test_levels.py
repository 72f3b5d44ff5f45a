"""Forests a level at a time give scikit-learn's very bits, in calls of few rows."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from models.forms.levels import few_rows
from models.forms.loops import Loops, _levels
from tests.models.forms.hostile import number_rows, thresholds_of

X, y = load_iris(return_X_y=True)
D, d = load_diabetes(return_X_y=True)
HOLES = X.copy()
HOLES[::7, 1] = np.nan
MODELS: list[Any] = [
    RandomForestClassifier(100, random_state=0).fit(X, y),
    RandomForestClassifier(60, class_weight="balanced", random_state=1).fit(HOLES, y),
    ExtraTreesClassifier(50, max_depth=3, random_state=0).fit(X, np.column_stack([y, y > 0])),
    RandomForestRegressor(80, max_depth=6, random_state=0).fit(D, d - d.mean()),
    ExtraTreesRegressor(70, max_depth=5, random_state=0).fit(D, np.column_stack([d, -d])),
    RandomForestRegressor(64, max_depth=2, random_state=0).fit(D, d),
]
for _tree in MODELS[-1].estimators_:
    _tree.tree_.value[...] = -0.0  # as no fit makes it; scikit-learn adds it to 0.0


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_sums_are_those_of_the_calls(model: Any) -> None:
    trees = [one.tree_ for one in model.estimators_]
    levels = _levels(trees)
    assert levels is not None
    sums = Loops().sums(trees)
    width = trees[0].n_features
    hostile = number_rows(X if width == 4 else D, thresholds_of(model, width))
    largest = float(np.finfo(np.float32).max)
    rows = hostile[(np.abs(hostile) <= largest).all(axis=1)].astype(np.float32)
    assert len(rows) > 500
    for start in range(0, 2000, 3):
        for size in (1, 2, levels.rows):
            some = rows[start : start + size]
            if len(some):
                expected = np.zeros(sums(some).shape)
                for tree in trees:
                    expected += tree.predict(some).reshape(expected.shape)
                for got in (levels(some).reshape(expected.shape), sums(some)):
                    assert got.tobytes() == expected.tobytes()


def test_missing_values_go_another_way() -> None:
    model = MODELS[1]
    sums = Loops().sums([one.tree_ for one in model.estimators_])
    for row in HOLES[::7].astype(np.float32):
        shares = sums(row[np.newaxis])[:, 0] / len(model.estimators_)
        assert shares.tobytes() == model.predict_proba(row[np.newaxis]).tobytes()


def test_few_rows_are_fewer_the_deeper_and_the_fewer_the_trees() -> None:
    assert few_rows(100, 11) == 20
    assert few_rows(500, 11) == 33
    assert few_rows(100, 40) == 0
    assert few_rows(10, 3) == 0
    assert few_rows(1, 1) == 0
