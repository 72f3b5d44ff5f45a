"""From what a form is handed to what scikit-learn would see of the same rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from models.forms.checks import Array
from models.forms.errors import NoForm
from models.schema import Column, TabularSchema

Step: TypeAlias = Callable[[Any], Any]
"""From one table to the next; writes into none that it was handed."""

_NUMBERS: Final = frozenset(
    {"bool", "float32", "float64"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
"""numpy types of columns that a matrix can stand for."""


@dataclass(frozen=True)
class Matrix:
    """What is known beforehand of a 2-D array.

    Args:
        width: columns.
        dtype: float64 or float32.
        seen: the type that scikit-learn's array has; it may be one of whole numbers.
        sparse: scikit-learn has a sparse matrix there.
    """

    width: int
    dtype: np.dtype[Any]
    seen: np.dtype[Any]
    sparse: bool = False

    @property
    def is_float(self) -> bool:
        """Whether scikit-learn's array has floats, too."""
        return self.seen.kind == "f"

    def computed(self, width: int | None = None) -> "Matrix":
        """Return what a step makes of it that computes in floats."""
        return Matrix(self.width if width is None else width, self.dtype, self.dtype)


@dataclass(frozen=True)
class Columns:
    """What is known beforehand of a sequence of columns.

    Args:
        seen: of each column the type that it has in scikit-learn's DataFrame.
    """

    seen: tuple[np.dtype[Any], ...]

    @property
    def texts(self) -> tuple[bool, ...]:
        """Of each column whether it is one of texts."""
        return tuple(dtype.kind == "O" for dtype in self.seen)


Kind: TypeAlias = Matrix | Columns


class MatrixEntry:
    """Takes a matrix, and gives X with the type and memory layout that scikit-learn sees.

    Numbers of a float32 column are rounded to float32, as the column itself would do. A DataFrame
    with columns of several types reaches scikit-learn as an array in Fortran order, and BLAS gives
    other last bits for it.

    Args:
        schema: of a table of numbers.

    Raises:
        NoForm: a column is something else, or of a type that has no matrix.
    """

    def __init__(self, schema: TabularSchema) -> None:
        columns = schema.columns
        for column in columns:
            _refuse_other(column)
        dtypes = [np.dtype(column.frame_dtype) for column in columns]
        seen = np.result_type(*dtypes)
        narrow = np.dtype(np.float32)
        self.kind = Matrix(
            width=len(columns),
            dtype=narrow if seen == narrow else np.dtype(np.float64),
            seen=seen,
        )
        rounded = [at for at, dtype in enumerate(dtypes) if dtype == narrow]
        self._rounded = rounded if seen != narrow else []
        plain = all(
            column.frame_dtype == "float64" and column.missing == "nan" and not column.categories
            for column in columns
        )
        self._fortran = schema.container == "frame" and not plain
        self._changes = self._fortran or bool(rounded)

    def __call__(self, X: Array) -> Array:
        """Return X as scikit-learn sees it.

        Raises:
            ValueError: it has another number of columns, or no row.
        """
        if X.ndim != 2 or X.shape[1] != self.kind.width or not X.shape[0]:
            raise ValueError(f"X must have rows of {self.kind.width} columns.")
        return self._changed(X) if self._changes else X

    def _changed(self, X: Array) -> Array:
        X = np.array(X, self.kind.dtype, order="F" if self._fortran else "C")
        for at in self._rounded:
            X[:, at] = X[:, at].astype(np.float32)
        return X


class ColumnsEntry:
    """Takes columns, and gives them with the types of the training DataFrame.

    Args:
        schema: of a DataFrame.

    Raises:
        NoForm: a column is of a type that this way has not.
    """

    def __init__(self, schema: TabularSchema) -> None:
        if schema.container != "frame":
            raise NoForm("an array of objects has no types a column")
        self.kind = Columns(tuple(_seen(column) for column in schema.columns))
        narrow = np.dtype(np.float32)
        self._rounded = [at for at, dtype in enumerate(self.kind.seen) if dtype == narrow]

    def __call__(self, X: Sequence[Array]) -> list[Array]:
        """Return columns.

        Raises:
            ValueError: there are others, or no rows.
        """
        columns = list(X)
        if len(columns) != len(self.kind.seen) or not len(columns[0]):
            raise ValueError(f"X must have rows of {len(self.kind.seen)} columns.")
        for at in self._rounded:
            columns[at] = columns[at].astype(np.float32)
        return columns


def _seen(column: Column) -> np.dtype[Any]:
    if column.dtype != "string":
        _refuse_other(column)
        return np.dtype(column.frame_dtype)
    plain = column.frame_dtype == "object" or (
        column.frame_dtype == "str" and column.missing == "nan"
    )
    if not plain:
        raise NoForm(f"column {column.name!r} has texts of type {column.frame_dtype}")
    return np.dtype(object)


def _refuse_other(column: Column) -> None:
    if column.frame_dtype not in _NUMBERS or (column.dtype == "bool" and column.nullable):
        raise NoForm(f"column {column.name!r} is of type {column.frame_dtype}, no plain number")
