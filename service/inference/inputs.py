"""Cells to the model's X: a float64 or object array, or a DataFrame as it was in training."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.schema import Column, TabularSchema
from service.codecs.cells import BOOL_NULL, Cells, number_format
from service.inference.messages import PredictBatch

Array = npt.NDArray[Any]
ColumnCells = Array | list[str | None]
Matrix = npt.NDArray[Any] | pd.DataFrame | Sequence[Any]
"""X of a model: an array or a DataFrame; for a model of pictures, a list of them."""


class InputBuilder:
    """Builds X of one schema from the joined cells of a batch.

    Args:
        schema: columns in the fitted order.
    """

    def __init__(self, schema: TabularSchema) -> None:
        self._columns = schema.columns
        self._frame = schema.container == "frame"
        self._alone = schema.container == "texts"
        self._numbers = [column for column in schema.columns if column.dtype != "string"]
        self._strings = [column for column in schema.columns if column.dtype == "string"]
        code = {"d": "f8", "q": "i8"}
        self._record = np.dtype(
            [(str(i), code[number_format(column)]) for i, column in enumerate(self._numbers)]
        )
        self._names = pd.Index([column.name for column in schema.columns])
        self._plain = not self._strings and all(
            column.frame_dtype == "float64" and column.missing == "nan" and not column.categories
            for column in schema.columns
        )
        self.build: Callable[[PredictBatch], Matrix] = (
            self._build_plain if self._plain else self._build_mixed
        )

    def _build_plain(self, batch: PredictBatch) -> Matrix:
        values = np.frombuffer(batch.numbers, np.float64)
        return self._plain_matrix(values.reshape(batch.rows, len(self._columns)))

    def _plain_matrix(self, values: Array) -> Matrix:
        if not self._frame:
            return values
        return pd.DataFrame(values, columns=self._names, copy=False)

    def _build_mixed(self, batch: PredictBatch) -> Matrix:
        records = np.frombuffer(batch.numbers, self._record) if self._numbers else None
        texts = iter(self._texts(batch))
        numbers = iter(range(len(self._numbers)))
        cells = [
            next(texts)
            if column.dtype == "string" or records is None
            else records[str(next(numbers))]
            for column in self._columns
        ]
        return self._from_columns(batch.rows, cells)

    def from_numbers(self, values: Array) -> Matrix:
        """Return X of a table whose columns are all float64 cells.

        Args:
            values: float64, shape (rows, columns), in the fitted order.
        """
        if self._plain:
            return self._plain_matrix(values)
        return self._build_mixed(as_batch(Cells(len(values), values.tobytes())))

    def from_columns(self, rows: int, cells: Sequence[ColumnCells]) -> Matrix:
        """Return X of columns in the fitted order.

        Args:
            rows: how many there are.
            cells: of each column its texts, None being null; or its numbers as `number_format`
                says, NaN (of booleans `BOOL_NULL`) being null.
        """
        if self._plain:
            return self._plain_matrix(np.column_stack([np.asarray(one) for one in cells]))
        return self._from_columns(rows, cells)

    def _from_columns(self, rows: int, cells: Sequence[ColumnCells]) -> Matrix:
        series: dict[str, Any] = {
            column.name: _text_column(column, values)
            if isinstance(values, list)
            else _number_column(column, values)
            for column, values in zip(self._columns, cells, strict=True)
        }
        if self._frame:
            return pd.DataFrame(series, copy=False)
        dtypes = [np.asarray(values).dtype for values in series.values()]
        dtype = np.dtype(object) if self._strings else np.result_type(*dtypes)
        array = np.empty((rows, len(series)), dtype)
        for i, values in enumerate(series.values()):
            array[:, i] = values
        return array[:, 0] if self._alone else array

    def _texts(self, batch: PredictBatch) -> list[list[str | None]]:
        """Return the strings, a list a column; None is null."""
        lengths = np.frombuffer(batch.lengths, np.int32)
        ends = np.cumsum(np.maximum(lengths, 0)).tolist()
        data = bytes(batch.text)
        cells = [
            None if length < 0 else data[end - length : end].decode()
            for length, end in zip(lengths.tolist(), ends, strict=True)
        ]
        width = len(self._strings)
        return [cells[i::width] for i in range(width)]


def _text_column(column: Column, cells: Sequence[str | None]) -> Array | pd.Series:
    null = None if column.missing == "none" else np.nan
    values = np.array([null if cell is None else cell for cell in cells], dtype=object)
    return _as_in_training(column, values)


def _number_column(column: Column, cells: Array) -> Array | pd.Series:
    if column.dtype == "bool":
        return _bool_column(column, cells)
    if column.frame_dtype == "object":
        null = None if column.missing == "none" else np.nan
        boxed = cells.astype(object)
        if cells.dtype.kind == "f":
            boxed[np.isnan(cells)] = null
        return _as_in_training(column, boxed)
    if column.frame_dtype == "category":
        return _as_in_training(column, cells)
    if column.frame_dtype[0].isupper():  # pandas' own: Int64, Float64, …
        own: Any = column.frame_dtype
        return pd.Series(cells).astype(own)
    wanted = np.dtype(column.frame_dtype)
    if wanted.kind in "iu" and cells.dtype.kind == "f" and np.isnan(cells).any():
        return cells  # an integer column with missing values is a float column, as in pandas
    return cells.astype(wanted, copy=False)


def _bool_column(column: Column, cells: Array) -> Array | pd.Series:
    missing = cells == BOOL_NULL
    if not missing.any() and column.frame_dtype == "bool":
        return cells.astype(bool)
    values = cells.astype(bool).astype(object)
    values[missing] = None if column.missing == "none" else np.nan
    return _as_in_training(column, values)


def _as_in_training(column: Column, values: Array) -> Array | pd.Series:
    if column.frame_dtype == "category":
        return pd.Series(pd.Categorical(values, _categories(column, values), column.ordered))
    # Without its dtype pandas would look into an object column, and make text of it.
    dtype = "object" if column.frame_dtype == "bool" else column.frame_dtype
    return pd.Series(values, dtype=dtype)


def _categories(column: Column, values: Array) -> list[Any]:
    """Return the learned categories, and those of the values that the policy lets pass."""
    categories: list[Any] = list(column.categories or ())
    if column.policy.unknown in {"accept", "flag"}:
        # pandas would make a missing value of what is not among them.
        known = frozenset(categories)
        present = values[~pd.isna(values)].tolist()
        categories += [value for value in dict.fromkeys(present) if value not in known]
    return categories


def as_batch(cells: Cells) -> PredictBatch:
    """Return the cells of one request as a batch has them."""
    numbers, lengths, text = memoryview(cells[1]), memoryview(cells[2]), memoryview(cells[3])
    return PredictBatch(0, 0, cells.rows, numbers, lengths, text, [])


def null_for(column: Column, cells: ColumnCells) -> list[Any]:
    """Return a column's cells as a request has them, with None where one is missing."""
    if isinstance(cells, list):
        return cells
    values: list[Any] = cells.tolist()
    if column.dtype == "bool":
        return [None if value == BOOL_NULL else bool(value) for value in values]
    if cells.dtype.kind == "f" and np.isnan(cells).any():
        return [None if value != value else value for value in values]  # noqa: PLR0124
    return values


def take_rows(X: Matrix, rows: slice | npt.NDArray[np.intp]) -> Matrix:
    """Return some rows of X, as the same kind of container."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[rows]
    if isinstance(X, np.ndarray) or isinstance(rows, slice):
        return X[rows]  # type: ignore[index]
    return [X[i] for i in rows]
