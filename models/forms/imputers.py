"""What stands for missing values."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from models.forms.checks import Array, refuse_infinity
from models.forms.entry import Columns, Matrix, Step
from models.forms.errors import NoForm


def impute_numbers(imputer: Any, kind: Matrix) -> tuple[Step, Matrix]:
    """Return SimpleImputer's step on numbers, whatever its strategy.

    Raises:
        NoForm: missing values are something else than NaN, or the numbers are whole.
    """
    if not _is_nan(imputer.missing_values) or imputer._fit_dtype.kind != "f":
        raise NoForm("its missing values are not NaN, or its numbers are whole")
    fills = np.asarray(imputer.statistics_, np.float64)
    if fills.shape != (kind.width,):
        raise NoForm("it was fitted on another number of columns")
    keeps = imputer.keep_empty_features
    kept = None if keeps or not np.isnan(fills).any() else np.flatnonzero(~np.isnan(fills))
    values = (fills if kept is None else fills[kept]).astype(kind.dtype)
    told = _told(imputer)

    def step(X: Array) -> Array:
        refuse_infinity(X)
        missing = np.isnan(X)
        filled = X if kept is None else X[:, kept]
        holes = missing if kept is None else missing[:, kept]
        if holes.any():
            # In place of a copy, so that its memory order stays: BLAS rounds differently for each.
            filled = filled.copy(order="K")
            np.copyto(filled, values, where=holes)
        return filled if told is None else np.hstack([filled, _columns(missing, told)])

    return step, kind.computed(len(values) + (0 if told is None else len(told)))


def impute_texts(imputer: Any, kind: Columns) -> tuple[Step, Columns]:
    """Return SimpleImputer's step on texts: the most frequent one, or a constant.

    Raises:
        NoForm: it does something else.
    """
    absent, fills = imputer.missing_values, list(imputer.statistics_)
    if not all(kind.texts) or len(fills) != len(kind.texts) or imputer._fit_dtype.kind != "O":
        raise NoForm("it fills texts and numbers together")
    if imputer.add_indicator or not all(isinstance(fill, str) for fill in fills):
        raise NoForm("it fills in something else than texts")
    if absent is not None and not _is_nan(absent):
        raise NoForm("its missing values are texts")

    def step(columns: Sequence[Array]) -> list[Array]:
        return [fill(values, each) for values, each in zip(columns, fills, strict=True)]

    fill = _fill_none if absent is None else _fill_nan
    return step, kind


def indicate(indicator: Any, kind: Matrix) -> tuple[Step, Matrix]:
    """Return MissingIndicator's step: which values are missing, of the columns that had any.

    Raises:
        NoForm: it does something else.
    """
    if not _is_nan(indicator.missing_values) or indicator.sparse is True:
        raise NoForm("its missing values are not NaN, or its answer is sparse")
    if indicator.features != "missing-only" or indicator.error_on_new or not kind.is_float:
        raise NoForm("it indicates something else")
    features = np.asarray(indicator.features_)

    def step(X: Array) -> Array:
        if np.isinf(X).any():
            raise ValueError("X has infinity.")
        return _columns(np.isnan(X), features).astype(np.float64)

    return step, Matrix(len(features), np.dtype(np.float64), np.dtype(bool))


def _columns(mask: Array, which: Array) -> Array:
    """Return some columns; all of them as they are, since choosing them changes memory order."""
    return mask if len(which) == mask.shape[1] else mask[:, which]


def _told(imputer: Any) -> Array | None:
    if not imputer.add_indicator:
        return None
    indicator = imputer.indicator_
    if indicator.error_on_new or indicator.features != "missing-only":
        raise NoForm("its indicator is another one")
    return np.asarray(indicator.features_)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _fill_none(values: Array, fill: str) -> Array:
    filled = np.empty(len(values), object)
    for at, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise ValueError("X has NaN.")
        filled[at] = fill if value is None else value
    return filled


def _fill_nan(values: Array, fill: str) -> Array:
    filled = np.empty(len(values), object)
    filled[:] = [value if value == value else fill for value in values]  # noqa: PLR0124
    return filled


IMPUTERS: Final[dict[str, Callable[[Any, Matrix], tuple[Step, Matrix]]]] = {
    "impute.MissingIndicator": indicate,
    "impute.SimpleImputer": impute_numbers,
}
"""Class of a transformer → its step on numbers, and what the step gives."""
