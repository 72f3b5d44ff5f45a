"""Tables to what scikit-learn takes: an array, or a DataFrame as it was in training.

Only a model that was fitted with a DataFrame needs pandas, so only for one is it imported: it takes
more memory, and more time, than all else that a loader does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.schema import Column, TabularSchema
from models.tables import BOOL_NULL, Array, ColumnCells, MixedRows, PlainRows, Rows

if TYPE_CHECKING:
    from models.frames import Frames


class Containers:
    """Makes the rows of one schema, and X of them.

    Args:
        schema: columns in the fitted order.

    Attributes:
        columns: the schema's.
        plain: whether all of them are float64, so that a matrix of them is all there is to know.
    """

    def __init__(self, schema: TabularSchema) -> None:
        self.columns = schema.columns
        self._frames = _frames_of(schema)
        self._alone = schema.container == "texts"
        self._texts = any(column.dtype == "string" for column in schema.columns)
        self.plain = not self._texts and all(
            column.frame_dtype == "float64" and column.missing == "nan" and not column.categories
            for column in schema.columns
        )

    def rows(self, rows: int, cells: Sequence[ColumnCells]) -> Rows:
        """Return the rows of columns in the fitted order.

        Args:
            rows: how many there are.
            cells: column by column.
        """
        if self.plain:
            return self.plain_rows(np.column_stack([np.asarray(one) for one in cells]))
        return MixedRows(self, rows, cells)

    def plain_rows(self, values: Array) -> Rows:
        """Return the rows of float64 values, shape (rows, columns), of a plain table."""
        return PlainRows(self, values)

    def of_matrix(self, values: Array) -> Any:
        """Return X of float64 values, shape (rows, columns); they are not copied."""
        return values if self._frames is None else self._frames.of_matrix(values)

    def of_columns(self, rows: int, cells: Sequence[ColumnCells]) -> Any:
        """Return X of a number of rows and their cells, column by column."""
        columns = [
            _text_column(column, values)
            if isinstance(values, list)
            else _number_column(column, values)
            for column, values in zip(self.columns, cells, strict=True)
        ]
        if self._frames is not None:
            return self._frames.of_columns(columns)
        dtypes = [values.dtype for values in columns]
        dtype = np.dtype(object) if self._texts else np.result_type(*dtypes)
        array = np.empty((rows, len(columns)), dtype)
        for i, values in enumerate(columns):
            array[:, i] = values
        return array[:, 0] if self._alone else array


def _text_column(column: Column, cells: Sequence[str | None]) -> Array:
    null = None if column.missing == "none" else np.nan
    return np.array([null if cell is None else cell for cell in cells], dtype=object)


def _number_column(column: Column, cells: Array) -> Array:
    if column.dtype == "bool":
        return _bool_column(column, cells)
    if column.frame_dtype == "object":
        null = None if column.missing == "none" else np.nan
        boxed = cells.astype(object)
        if cells.dtype.kind == "f":
            boxed[np.isnan(cells)] = null
        return boxed
    if column.frame_dtype == "category" or column.frame_dtype[0].isupper():
        return cells  # of a DataFrame, which has types of its own
    wanted = np.dtype(column.frame_dtype)
    if wanted.kind in "iu" and cells.dtype.kind == "f" and np.isnan(cells).any():
        return cells  # an integer column with missing values is a float column, as in pandas
    return cells.astype(wanted, copy=False)


def _bool_column(column: Column, cells: Array) -> Array:
    missing = cells == BOOL_NULL
    if not missing.any() and column.frame_dtype == "bool":
        return cells.astype(bool)
    values = cells.astype(bool).astype(object)
    values[missing] = None if column.missing == "none" else np.nan
    return values


def _frames_of(schema: TabularSchema) -> "Frames | None":
    if schema.container != "frame":
        return None
    from models.frames import Frames  # noqa: PLC0415  # see above

    return Frames(schema)
