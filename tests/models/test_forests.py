"""Trees of plain arrays, by hand."""

from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from models import forests
from models.forests import (
    GrownBoostedClassifier,
    GrownForestClassifier,
    GrownTreesRegressor,
    Trees,
)


def stumps(*values: tuple[list[float], list[float]], at: float = 0.5) -> Trees:
    """Return trees that ask feature 0 once: left and right leaf of each."""
    count = len(values)
    first = np.arange(count) * 3
    feature, threshold = np.zeros(3 * count, np.int32), np.zeros(3 * count)
    threshold[first] = at
    left, right = np.arange(3 * count), np.arange(3 * count)
    left[first], right[first] = first + 1, first + 2
    leaves = [row for one in values for row in ([0.0] * len(one[0]), *one)]
    return Trees(first, feature, threshold, left, right, np.array(leaves), 1)


X = np.array([[0.5], [np.nextafter(0.5, 1)], [-9.0], [9.0]])


def test_a_value_on_the_threshold_goes_left() -> None:
    model = GrownTreesRegressor(stumps(([1.0], [2.0]), ([10.0], [20.0])), np.ones(1), 2)
    assert model.predict(X).tolist() == [5.5, 11.0, 5.5, 11.0]
    assert is_regressor(model)


def test_of_equal_votes_the_first_class_wins() -> None:
    trees = stumps(([0.75, 0.25], [0.1, 0.9]), ([0.25, 0.75], [0.2, 0.8]))
    model = GrownForestClassifier(trees, np.ones(1), np.array(["a", "b"], dtype=object))
    assert model.predict(X).tolist() == ["a", "b", "a", "b"]
    assert model.predict_proba(X)[0].tolist() == [0.5, 0.5]
    assert is_classifier(model)


def test_the_margin_is_half_the_logarithm_of_the_odds() -> None:
    model = GrownBoostedClassifier(stumps(([-800.0], [0.3])), np.ones(1), np.array([3, 7]))
    shares = model.predict_proba(X)
    assert shares[0].tolist() == [1.0, 0.0]
    assert abs(np.log(shares[1, 1] / shares[1, 0]) - 0.6) < 1e-12
    assert model.predict(X).tolist() == [3, 7, 3, 7]


def test_trees_are_added_in_order_however_many_rows_travel_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(0).normal(size=(50, 2, 1)).tolist()
    trees = stumps(*((left, right) for left, right in values))
    many = np.random.default_rng(1).normal(size=(33, 1))
    expected = []
    for row in many:
        total = 0.0
        for left, right in values:
            total += left[0] if row[0] <= 0.5 else right[0]
        expected.append(total)
    assert trees.total(many)[:, 0].tolist() == expected
    monkeypatch.setattr(forests, "CHUNK_CELLS", 200)
    assert trees.total(many)[:, 0].tolist() == expected
    assert trees.total(many[:0]).shape == (0, 1)


def test_it_is_an_estimator_that_cannot_be_fitted(tmp_path: Any) -> None:
    model = GrownTreesRegressor(stumps(([1.0], [2.0])), np.ones(1))
    assert (clone(model).predict(X) == model.predict(X)).all()
    with pytest.raises(TypeError, match="cannot be fitted"):
        model.fit(X)
    with pytest.raises(ValueError, match="expecting 1 features"):
        model.predict(np.ones((2, 3)))
    pipe = Pipeline([("same", FunctionTransformer()), ("model", model)])
    joblib.dump(pipe, tmp_path / "m.joblib")
    assert (joblib.load(tmp_path / "m.joblib").predict(X) == model.predict(X)).all()
