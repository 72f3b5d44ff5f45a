"""Scalers: the same sums as in sklearn.preprocessing and models.transform, on one copy."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from models.forms.checks import Array, refuse_infinity, refuse_missing
from models.forms.entry import Matrix, Step
from models.forms.errors import NoForm


def _standard(scaler: Any, kind: Matrix) -> Step:
    mean = _vector(scaler.mean_, kind) if scaler.with_mean else None
    scale = _vector(scaler.scale_, kind) if scaler.with_std else None
    return _centred(mean, scale)


def _robust(scaler: Any, kind: Matrix) -> Step:
    # Unlike StandardScaler it does not round what it learned to float32 before, but the sum in
    # place does it the same.
    center = _vector(scaler.center_, kind, scaler.center_.dtype) if scaler.with_centering else None
    scale = _vector(scaler.scale_, kind, scaler.scale_.dtype) if scaler.with_scaling else None
    return _centred(center, scale)


def _centred(center: Array | None, scale: Array | None) -> Step:
    def step(X: Array) -> Array:
        refuse_infinity(X)
        X = X.copy(order="K")
        if center is not None:
            X -= center
        if scale is not None:
            X /= scale
        return X

    return step


def _min_max(scaler: Any, kind: Matrix) -> Step:
    scale = _vector(scaler.scale_, kind, scaler.scale_.dtype)
    least = _vector(scaler.min_, kind, scaler.min_.dtype)
    ends = tuple(np.asarray(end, kind.dtype) for end in scaler.feature_range)
    clip = bool(scaler.clip)

    def step(X: Array) -> Array:
        refuse_infinity(X)
        X = X.copy(order="K")
        X *= scale
        X += least
        return np.clip(X, *ends, out=X) if clip else X

    return step


def _max_abs(scaler: Any, kind: Matrix) -> Step:
    scale = _vector(scaler.scale_, kind, scaler.scale_.dtype)
    ends = np.asarray(-1.0, kind.dtype), np.asarray(1.0, kind.dtype)
    clip = bool(scaler.clip)

    def step(X: Array) -> Array:
        refuse_infinity(X)
        X = X.copy(order="K")
        X /= scale
        return np.clip(X, *ends, out=X) if clip else X

    return step


def _normal(normalizer: Any, kind: Matrix) -> Step:
    norm = _NORMS.get(normalizer.norm)
    if norm is None:
        raise NoForm(f"the norm {normalizer.norm!r} is not known")
    # scikit-learn takes a norm this small for none.
    least = 10 * np.finfo(kind.dtype).eps

    def step(X: Array) -> Array:
        refuse_missing(X)
        X = X.copy(order="K")
        norms = norm(X)
        norms[norms < least] = 1.0
        X /= norms[:, None]
        return X

    return step


_NORMS: Final[dict[str, Callable[[Array], Array]]] = {
    "l1": lambda X: np.asarray(np.abs(X).sum(axis=1)),
    "l2": lambda X: np.asarray(np.sqrt(np.einsum("ij,ij->i", X, X))),
    "max": lambda X: np.asarray(np.abs(X).max(axis=1)),
}


def _logarithm(transformer: Any, kind: Matrix) -> Step:
    lowest = _vector(transformer.lowest_, kind, np.dtype(np.float64))

    def step(X: Array) -> Array:
        X = np.asarray(X, np.float64)
        refuse_infinity(X)
        return np.log1p(np.where(X <= -1.0, lowest, X))

    return step


def _vector(values: Any, kind: Matrix, dtype: np.dtype[Any] | None = None) -> Array:
    if not isinstance(values, np.ndarray) or values.shape != (kind.width,):
        raise NoForm("it was fitted on another number of columns")
    return values.astype(kind.dtype if dtype is None else dtype)


_STEPS: Final[dict[str, Callable[[Any, Matrix], Step]]] = {
    "models.LogOnePlus": _logarithm,
    "preprocessing.MaxAbsScaler": _max_abs,
    "preprocessing.MinMaxScaler": _min_max,
    "preprocessing.Normalizer": _normal,
    "preprocessing.RobustScaler": _robust,
    "preprocessing.StandardScaler": _standard,
}


def _scaled(name: str) -> Callable[[Any, Matrix], tuple[Step, Matrix]]:
    def made(scaler: Any, kind: Matrix) -> tuple[Step, Matrix]:
        given = kind.computed()
        if name == "models.LogOnePlus":
            given = Matrix(kind.width, np.dtype(np.float64), np.dtype(np.float64))
        return _STEPS[name](scaler, kind), given

    return made


SCALERS: Final = {name: _scaled(name) for name in _STEPS}
"""Class of a transformer → its step, and what the step gives."""
