"""Linear and ridge regression of all rows, exactly, from sums of products."""

import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import linalg, sparse
from sklearn.linear_model import LinearRegression, Ridge

from models.errors import BadSpecification
from models.estimators import Estimator
from models.medium.candidates import Candidate, alive
from models.medium.prepared import Prepared
from models.rows import Array

MATRIX_COPIES: Final = 4
"""How often the matrix of products is in memory while its equations are solved."""


@dataclass
class Products:
    """Sums over rows, each taken as the difference from a row near the mean.

    Without that difference, columns with a large mean and a small spread would lose their digits.

    Args:
        shift: of features and target, shape (width + 1,).
        sums: of the differences.
        products: of each pair of them, shape (width + 1, width + 1); the target is last.
        rows: how many.
    """

    shift: Array
    sums: Array
    products: Array
    rows: int = 0

    def see(self, X: Any, y: Array) -> None:
        """Add a batch."""
        self.rows += len(y)
        if not sparse.issparse(X):
            both = np.column_stack([X, y]) - self.shift
            self.sums += both.sum(axis=0)
            self.products += both.T @ both
            return
        # Sparse features are not shifted, or they would not be sparse.
        apart = y - self.shift[-1]
        self.sums += np.append(X.sum(axis=0), apart.sum())
        self.products[:-1, :-1] += (X.T @ X).toarray()
        with_target = X.T @ apart
        self.products[-1, :-1] += with_target
        self.products[:-1, -1] += with_target
        self.products[-1, -1] += apart @ apart

    def centred(self) -> tuple[Array, Array]:
        """Return means, and the products of differences from the means."""
        apart = self.sums / self.rows
        products: Array = self.products - self.rows * np.outer(apart, apart)
        return self.shift + apart, products

    def as_they_are(self) -> Array:
        """Return the products of the values themselves."""
        both = np.outer(self.shift, self.sums)
        whole: Array = self.products + both + both.T + self.rows * np.outer(self.shift, self.shift)
        return whole


def fit_exactly(candidates: list[Candidate], prepared: Prepared) -> None:
    """Fit all candidates in one pass: the sums serve every alpha.

    Args:
        candidates: LinearRegression or Ridge, fitted in place.
        prepared: rows.

    Raises:
        BadSpecification: the estimator is another one, or there are too many features.
    """
    refuse_others(candidates[0].model)
    _refuse_too_wide(prepared)
    sums: Products | None = None
    for X, y in prepared.fitted():
        if sums is None:
            first = X.mean(axis=0) if not sparse.issparse(X) else np.zeros(prepared.width)
            shift = np.append(first, y.mean())
            sums = Products(shift, np.zeros(len(shift)), np.zeros((len(shift), len(shift))))
        sums.see(X, y)
    for one in alive(candidates):
        begin = time.monotonic()
        if sums is not None:
            solve(one.model, sums)
        one.seconds = time.monotonic() - begin


def solve(model: Estimator, sums: Products) -> None:
    """Fit LinearRegression or Ridge from the sums.

    The normal equations, with the intercept taken out by centring as scikit-learn does; Ridge by
    Cholesky's decomposition, LinearRegression by eigenvalues, of which the tiny ones are left out:
    among equally good weights it takes the shortest, as `fit` does.
    """
    means, products = sums.centred()
    if not model.fit_intercept:
        products = sums.as_they_are()
    among, with_target = products[:-1, :-1], products[:-1, -1]
    if isinstance(model, Ridge) and model.alpha > 0:
        weights = linalg.solve(
            among + model.alpha * np.eye(len(among)), with_target, assume_a="pos"
        )
        spectrum = None
    else:
        weights, spectrum = _shortest(among, with_target)
    model.coef_ = weights
    model.intercept_ = float(means[-1] - means[:-1] @ weights) if model.fit_intercept else 0.0
    model.n_features_in_ = len(weights)
    if isinstance(model, Ridge):
        model.n_iter_, model.solver_ = None, "cholesky"
    elif spectrum is not None:
        model.singular_ = np.sqrt(np.clip(spectrum, 0, None))
        model.rank_ = int((spectrum > spectrum[0] * _TINY * len(spectrum)).sum())


def _shortest(among: Array, with_target: Array) -> tuple[Array, Array]:
    """Return the shortest of the best weights, and the eigenvalues, largest first."""
    values, vectors = linalg.eigh(among)
    kept = values > values[-1] * _TINY * len(values)
    inverse = np.zeros_like(values)
    inverse[kept] = 1 / values[kept]
    weights: Array = vectors @ (inverse * (vectors.T @ with_target))
    return weights, values[::-1]


_TINY: Final = 4 * np.finfo(np.float64).eps


def refuse_others(model: Estimator) -> None:
    """Refuse an estimator that sums of products do not tell.

    Raises:
        BadSpecification: it is no LinearRegression or Ridge, or may have no weight below 0.
    """
    positive = getattr(model, "positive", False)
    if type(model) not in (LinearRegression, Ridge) or positive:
        raise BadSpecification(
            f'strategy = "exact" is for LinearRegression and Ridge without positive = true, and not'
            f' for {type(model).__name__}; take "average", "partial_fit" or "sample"'
        )


def _refuse_too_wide(prepared: Prepared) -> None:
    if prepared.budget.rows(8 * (prepared.width + 1), MATRIX_COPIES, 2**31) < prepared.width + 1:
        raise BadSpecification(
            f'strategy = "exact" needs a matrix of {prepared.width:,} by {prepared.width:,} in'
            ' memory; take "partial_fit" or "average", or fewer features'
        )
