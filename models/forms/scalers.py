"""Scalers: the same sums as in sklearn.preprocessing, on one copy."""

from typing import Any, Final

from models.forms.checks import Array, refuse_infinity
from models.forms.entry import Matrix, Step
from models.forms.errors import NoForm


def standard(scaler: Any, kind: Matrix) -> tuple[Step, Matrix]:
    """Return StandardScaler's step."""
    mean = _vector(scaler.mean_, kind) if scaler.with_mean else None
    scale = _vector(scaler.scale_, kind) if scaler.with_std else None

    def step(X: Array) -> Array:
        refuse_infinity(X)
        if mean is not None:
            X = X - mean
            if scale is not None:
                X /= scale
            return X
        return X if scale is None else X / scale

    return step, kind.computed()


def _vector(values: Any, kind: Matrix) -> Array:
    if values.shape != (kind.width,):
        raise NoForm("it was fitted on another number of columns")
    return values.astype(kind.dtype)  # type: ignore[no-any-return]


SCALERS: Final = {"preprocessing.StandardScaler": standard}
"""Class of a transformer → its step, and what the step gives."""
