"""A row's answer must not depend on the rows that are asked with it."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

from models.errors import RefusedModel
from models.neighbours import refuse_if_neighbours_matter

X = np.random.default_rng(0).normal(size=(60, 3))


class Centring(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Measures each row from the mean of those at hand."""

    def predict(self, X: Any) -> Any:
        return X[:, 0] - X[:, 0].mean()


class Counting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Says of every row whether it stands at an odd place."""

    def predict(self, X: Any) -> Any:
        return np.arange(len(X)) % 2


class Borderline(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Falls to the other side in one row, as rounding does."""

    def predict(self, X: Any) -> Any:
        return (X[:, 0] > 0).astype(int) if len(X) == 1 else self._together(X)

    def _together(self, X: Any) -> Any:
        labels = (X[:, 0] > 0).astype(int)
        labels[0] = 1 - labels[0]
        return labels


class InPairs(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Takes two rows at least."""

    def predict(self, X: Any) -> Any:
        if len(X) < 2:
            raise ValueError("two rows at least")
        return X[:, 0]


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression().fit(X, X[:, 0]),
        LogisticRegression().fit(X, X[:, 0] > 0),
        LinearRegression().fit(X, X * 1e9),
        Borderline(),
    ],
)
def test_models_that_see_each_row_alone_are_taken(model: Any) -> None:
    refuse_if_neighbours_matter(model, X)
    refuse_if_neighbours_matter(model, X[:1])


@pytest.mark.parametrize("model", [Centring(), Counting()])
def test_models_that_look_around_are_refused(model: Any) -> None:
    with pytest.raises(RefusedModel, match="depends on the rows that are asked with it"):
        refuse_if_neighbours_matter(model, X)


def test_a_model_that_fails_on_a_single_row_is_refused() -> None:
    with pytest.raises(RefusedModel, match=r"fails on one of them alone \(ValueError: two rows"):
        refuse_if_neighbours_matter(InPairs(), X)
