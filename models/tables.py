"""The rows of a batch, in whichever container they are asked for: X, a matrix, or columns.

Most forms need no DataFrame, and making one costs more than many a prediction: so it is made only
when a form asks for it.
"""

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from models.schema import Column

BOOL_NULL: Final = -1
Array: TypeAlias = npt.NDArray[Any]
ColumnCells: TypeAlias = Array | list[str | None]
"""A column's texts, None being null; or its numbers: booleans as int64, null being `BOOL_NULL`;
whole numbers that are never null as int64; all others as float64, null being NaN."""
Which: TypeAlias = slice | npt.NDArray[np.intp]


Takes: TypeAlias = Literal["X", "matrix", "columns"]
"""What a form is handed; `models.forms.form` has the words."""


class Containers(Protocol):
    """Makes what scikit-learn takes."""

    @property
    def columns(self) -> Sequence[Column]:
        """The schema's."""

    def of_matrix(self, values: Array) -> Any:
        """Return X of float64 values, shape (rows, columns)."""

    def of_columns(self, rows: int, cells: Sequence[ColumnCells]) -> Any:
        """Return X of a number of rows and their cells, column by column."""


class PlainRows:
    """Rows of a table whose columns are all float64.

    Args:
        containers: makes X of them.
        values: float64, C-contiguous, shape (rows, columns).
    """

    __slots__ = ("_containers", "_values")

    def __init__(self, containers: Containers, values: Array) -> None:
        self._containers = containers
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @property
    def columns(self) -> Sequence[Column]:
        """The schema's."""
        return self._containers.columns

    def some(self, which: Which) -> "PlainRows":
        """Return some of the rows."""
        return PlainRows(self._containers, self._values[which])

    def container(self, takes: Takes) -> Any:
        """Return all rows as a form takes them."""
        if takes == "matrix":
            return self._values
        if takes == "X":
            return self._containers.of_matrix(self._values)
        return list(self._values.T)


class MixedRows:
    """Rows of any other table.

    Args:
        containers: makes X of them.
        rows: how many there are.
        cells: column by column, in the fitted order.
    """

    __slots__ = ("_cells", "_containers", "_rows")

    def __init__(self, containers: Containers, rows: int, cells: Sequence[ColumnCells]) -> None:
        self._containers = containers
        self._rows = rows
        self._cells = cells

    def __len__(self) -> int:
        return self._rows

    @property
    def columns(self) -> Sequence[Column]:
        """The schema's."""
        return self._containers.columns

    def some(self, which: Which) -> "MixedRows":
        """Return some of the rows."""
        cells = [_some_cells(one, which) for one in self._cells]
        return MixedRows(self._containers, len(cells[0]), cells)

    def container(self, takes: Takes) -> Any:
        """Return all rows as a form takes them."""
        if takes == "X":
            return self._containers.of_columns(self._rows, self._cells)
        bare = [
            _bare(column, cells)
            for column, cells in zip(self._containers.columns, self._cells, strict=True)
        ]
        if takes == "columns":
            return bare
        matrix = np.empty((self._rows, len(bare)))
        for place, values in enumerate(bare):
            matrix[:, place] = values
        return matrix


Rows: TypeAlias = PlainRows | MixedRows
if TYPE_CHECKING:
    import pandas as pd

Matrix: TypeAlias = "Rows | Array | pd.DataFrame | Sequence[Any]"
"""What a model is asked for: rows of a table; or X itself, such as a list of pictures."""


@overload
def take_rows(X: Rows, which: Which) -> Rows: ...


@overload
def take_rows(X: Matrix, which: Which) -> Matrix: ...


def take_rows(X: Matrix, which: Which) -> Matrix:
    """Return some rows of X, as the same kind of container."""
    if isinstance(X, PlainRows | MixedRows):
        return X.some(which)
    if isinstance(X, np.ndarray) or (isinstance(X, list) and isinstance(which, slice)):
        return X[which]
    if isinstance(X, list):
        return [X[i] for i in which]  # type: ignore[union-attr]
    return X.iloc[which]  # type: ignore[union-attr]


def as_taken(X: Matrix, takes: Takes) -> Any:
    """Return what a form is handed; what is no table is handed on."""
    return X.container(takes) if isinstance(X, PlainRows | MixedRows) else X


def _some_cells(cells: ColumnCells, which: Which) -> ColumnCells:
    if isinstance(cells, np.ndarray):
        return cells[which]
    if isinstance(which, slice):
        return cells[which]
    if which.dtype == bool:
        return list(compress(cells, which))
    return [cells[i] for i in which]


def _bare(column: Column, cells: ColumnCells) -> Array:
    """Return a column as forms without a DataFrame take it."""
    if isinstance(cells, list):
        texts = np.array(cells, dtype=object)
        if column.missing == "nan" and None in cells:
            texts[[cell is None for cell in cells]] = np.nan
        return texts
    if column.dtype == "bool":
        return np.where(cells == BOOL_NULL, np.nan, cells.astype(np.float64))
    if column.frame_dtype.lower() == "float32":
        return cells.astype(np.float32).astype(np.float64)
    return cells
