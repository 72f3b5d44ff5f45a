"""Probes: a few rows with a value that training did not know, to see whether the model bears it."""

import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from models.estimators import Estimator, answer
from models.rows import Container, as_container
from models.schema import Label

PROBE_ROWS: Final = 4
WHOLE_ROWS: Final = 64
"""Rows that are asked with whole numbers and with floats: of a few, the answers may be alike."""
SAME: Final = 1e-12
"""Numbers that differ by less are the same; absolute below 1, relative above."""


class Probes:
    """Asks a fitted model what it bears.

    Args:
        model: a fitted estimator.
        frame: rows that it takes.
        container: what it takes: the frame itself, or what is made of it.
    """

    def __init__(self, model: Estimator, frame: pd.DataFrame, container: Container) -> None:
        self._model = model
        self._rows = frame.iloc[:PROBE_ROWS]
        self._more_rows = frame.iloc[:WHOLE_ROWS]
        self._container = container

    def missing(self, name: str, marker: str) -> str | None:
        """Say why the model cannot take a missing value in a column; None if it can."""
        if self._rows[name].dtype.kind == "b":
            return "a column of booleans has no room for a missing value"
        dtype = self._rows[name].dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "iu" and not self._takes_floats(name):
            return (
                "a missing value makes floats of its whole numbers, and the model answers those"
                " differently"
            )
        return self._ask(without(self._rows, name, marker))

    def _takes_floats(self, name: str) -> bool:
        """Return whether a column's whole numbers may come as float64.

        Beside float32 numbers they may not: what scikit-learn computes in float32 with small whole
        numbers it computes in float64 with floats.
        """
        rows = self._more_rows
        try:
            own, other = self._said(rows), self._said(rows.astype({name: np.float64}))
        except Exception:
            return True  # whatever is wrong with these rows, another probe finds it
        return all(map(_same, own, other))

    def _said(self, rows: pd.DataFrame) -> list[Any]:
        """Return all answers to some rows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            X = as_container(self._container, rows)
            said = [answer(self._model, X)]
            if hasattr(self._model, "predict_proba"):
                said += [self._model.predict_proba(as_container(self._container, rows))]
        return [one.toarray() if hasattr(one, "toarray") else np.asarray(one) for one in said]

    def unknown(self, name: str, value: Label) -> str | None:
        """Say why the model cannot take a category that it did not learn; None if it can."""
        return self._ask(_with(self._rows, {name: value}))

    def beyond(self, ranges: dict[str, tuple[float, float]]) -> dict[str, str]:
        """Say for which columns, and why, the model cannot take a value beyond the range.

        Args:
            ranges: a column's smallest and largest value in the training rows.
        """
        outside = {name: _outside(self._rows[name], *ends) for name, ends in ranges.items()}
        # Nearly every model takes them all; only for another one each column has to be asked.
        if self._why_not_beyond(outside) is None:
            return {}
        return {
            name: reason
            for name, values in outside.items()
            if (reason := self._why_not_beyond({name: values})) is not None
        }

    def _why_not_beyond(self, outside: dict[str, list[Label]]) -> str | None:
        for side in range(2):
            values = {name: both[side] for name, both in outside.items() if len(both) > side}
            reason = self._ask(_with(self._rows, values)) if values else None
            if reason is not None:
                return reason
        return None

    def _ask(self, rows: pd.DataFrame) -> str | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some encoders warn of what they take
                predicted = np.asarray(answer(self._model, as_container(self._container, rows)))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finite = predicted.dtype.kind != "f" or bool(np.isfinite(predicted).all())
        return None if finite else "it predicts NaN or infinity"


def _same(one: Any, other: Any) -> bool:
    if one.shape != other.shape or one.dtype.kind != "f" or other.dtype.kind != "f":
        return np.array_equal(one, other)
    return np.allclose(one, other, rtol=SAME, atol=SAME, equal_nan=True)


def without(frame: pd.DataFrame, name: str, missing: str) -> pd.DataFrame:
    """Return a copy with one column missing in every row, by the marker that the model knows."""
    copy = frame.copy()
    column = copy[name]
    if isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind not in "iu":
        copy[name] = pd.Series(
            [None if missing == "none" else np.nan] * len(copy),
            index=copy.index,
            dtype=column.dtype,
        )
    else:
        copy[name] = np.nan
    return copy


def unseen(categories: Sequence[Label], dtype: str) -> Label | None:
    """Return a value that is not among the categories; None if the type has no other."""
    if dtype == "string":
        value = "unknown"
        while value in categories:
            value += "?"
        return value
    if dtype == "bool":
        return next((value for value in (False, True) if value not in categories), None)
    numbers = [float(value) for value in categories if not isinstance(value, str)]
    if dtype.startswith("float"):
        return max(numbers) + 1.0
    limits = np.iinfo(dtype)
    candidates = range(int(max(numbers)) + 1, int(limits.max) + 1)
    if not candidates:
        candidates = range(int(limits.min), int(max(numbers)))
    return next((value for value in candidates if value not in categories), None)


def _outside(values: "pd.Series[Any]", low: float, high: float) -> list[Label]:
    """Return a value below the range and one above it, as far as the column's type has them."""
    step = max(high - low, 1.0)
    # What was never negative is a length, a time, a count: its logarithm is no reason to refuse
    # what lies above the range.
    below = low - step if low < 0 else low / 2
    if values.dtype.kind in "iu":
        limits = np.iinfo(str(values.dtype).lower())
        ends = (max(int(below), int(limits.min)), min(int(high + step), int(limits.max)))
        return [end for end, known in zip(ends, (low, high), strict=True) if end != known]
    ends_f = zip((below, high + step), (low, high), strict=True)
    return [end for end, known in ends_f if np.isfinite(end) and end != known]


def _with(frame: pd.DataFrame, values: dict[str, Label]) -> pd.DataFrame:
    """Return a copy with one value in every row of each column, in the column's own dtype."""
    copy = frame.copy()
    for name, value in values.items():
        dtype = copy[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            dtype = pd.CategoricalDtype([*dtype.categories, value], dtype.ordered)
        copy[name] = pd.Series([value] * len(copy), index=copy.index, dtype=dtype)
    return copy
