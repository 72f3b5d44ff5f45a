"""Columns to a DataFrame as it was in training: names, order and dtypes."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from models.moment_columns import as_moments
from models.schema import Column, TabularSchema
from models.tables import Array


class Frames:
    """Makes the DataFrames of one schema.

    Args:
        schema: columns in the fitted order.
    """

    def __init__(self, schema: TabularSchema) -> None:
        self._columns = schema.columns
        self._names = pd.Index([column.name for column in schema.columns])

    def of_matrix(self, values: Array) -> pd.DataFrame:
        """Return the frame of float64 rows, shape (rows, columns); nothing is copied."""
        return pd.DataFrame(values, columns=self._names, copy=False)

    def of_columns(self, values: Sequence[Array]) -> pd.DataFrame:
        """Return the frame of columns in the fitted order, each as NumPy has it."""
        series = {
            column.name: _as_in_training(column, one)
            for column, one in zip(self._columns, values, strict=True)
        }
        return pd.DataFrame(series, copy=False)


def _as_in_training(column: Column, values: Array) -> Array | pd.Series:
    if column.frame_dtype == "category":
        return pd.Series(pd.Categorical(values, _categories(column, values), column.ordered))
    if column.frame_dtype.startswith("datetime64"):
        return pd.Series(as_moments(values, column.frame_dtype))
    if values.dtype.hasobject:
        # Without its dtype pandas would look into an object column, and make text of it.
        dtype = "object" if column.frame_dtype == "bool" else column.frame_dtype
        return pd.Series(values, dtype=dtype)
    if column.frame_dtype[0].isupper():  # pandas' own: Int64, Float64, …
        own: Any = column.frame_dtype
        return pd.Series(values).astype(own)
    return values


def _categories(column: Column, values: Array) -> list[Any]:
    """Return the learned categories, and those of the values that the policy lets pass."""
    categories: list[Any] = list(column.categories or ())
    if column.policy.unknown in {"accept", "flag"}:
        # pandas would make a missing value of what is not among them.
        known = frozenset(categories)
        present = values[~pd.isna(values)].tolist()
        categories += [value for value in dict.fromkeys(present) if value not in known]
    return categories
