"""scikit-learn's checks of X, as cheap as they can be."""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

_FEW: Final = 1 << 15
"""Cells, up to which a search for a zero byte is faster than numpy's `all` with its overhead."""


def all_finite(X: Array) -> bool:
    """Return whether X, of any float type, has neither NaN nor infinity."""
    finite = np.isfinite(X)
    return b"\0" not in finite.tobytes() if finite.size <= _FEW else bool(finite.all())


def refuse_missing(X: Array) -> None:
    """Refuse infinity and NaN.

    Raises:
        ValueError: X has one.
    """
    if not all_finite(X):
        raise ValueError("X has NaN or infinity, or a number too large for its type.")


def refuse_infinity(X: Array) -> None:
    """Refuse infinity; NaN is let through.

    Raises:
        ValueError: X has one.
    """
    if not all_finite(X) and np.isinf(X).any():
        raise ValueError("X has infinity, or a number too large for its type.")
