"""Linear and ridge regression from sums of products are scikit-learn's of all rows."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression, Ridge

from models.medium.exact import Products, solve

TOLERANCE = 1e-12


def rows(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = rng.normal(0, 1, (4000, 7))
    y = X @ rng.normal(0, 2, 7) + 3 + rng.normal(0, 0.3, 4000)
    if kind == "far":
        # Years and prices: large means, small spreads.
        X[:, 0] += 2000.0
        X[:, 1] += 500.0
    return X, y


def summed(X: Any, y: np.ndarray, step: int = 613) -> Products:
    width = X.shape[1] + 1
    shift = np.zeros(width) if sparse.issparse(X) else np.append(X[:step].mean(axis=0), y[0])
    sums = Products(shift, np.zeros(width), np.zeros((width, width)))
    for begin in range(0, len(y), step):
        sums.see(X[begin : begin + step], y[begin : begin + step])
    return sums


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("make", [LinearRegression, lambda **o: Ridge(alpha=3.7, **o)])
def test_weights_are_those_of_fit(kind: str, intercept: bool, make: Any) -> None:
    X, y = rows(kind)
    ours, theirs = make(fit_intercept=intercept), make(fit_intercept=intercept).fit(X, y)
    if kind == "far" and not intercept:
        X = X - X.mean(axis=0) + 2.0  # without an intercept nobody centres
        theirs.fit(X, y)
    solve(ours, summed(X, y))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=TOLERANCE, atol=TOLERANCE)
    terms = np.abs(X) @ np.abs(theirs.coef_) + np.abs(theirs.intercept_)
    assert (np.abs(ours.predict(X) - theirs.predict(X)) / terms).max() <= TOLERANCE
    assert set(vars(theirs)) - {"feature_names_in_"} <= set(vars(ours))


def test_among_equally_good_weights_the_shortest() -> None:
    X, y = rows("near")
    groups = np.eye(4)[np.arange(len(y)) % 4]  # sums to one: as good as an intercept
    X = np.hstack([X, groups])
    ours, theirs = LinearRegression(), LinearRegression().fit(X, y)
    solve(ours, summed(X, y))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=TOLERANCE, atol=TOLERANCE)
    assert ours.rank_ == theirs.rank_ == 10


def test_sparse_features() -> None:
    X, y = rows("near")
    X[np.abs(X) < 1.5] = 0
    ours, theirs = Ridge(), Ridge(solver="cholesky").fit(X, y)
    solve(ours, summed(sparse.csr_array(X), y))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=TOLERANCE, atol=TOLERANCE)
