"""Columns of categories: what each of their values adds to a linear model's scores."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from models.errors import RefusedModel
from models.export.exported import Floats, Parts
from models.rows import Instance, Rows, to_rows
from models.schema import Cell, Column, TabularSchema

ROWS_AT_ONCE: Final = 256
"""Behind one-hot coding a column of many categories has as many features: not all rows at once."""


@dataclass(frozen=True)
class Coded:
    """One column.

    Args:
        values: its categories.
        weights: what each adds, shape (scores, values).
        missing: what a missing value adds, shape (scores,); None if the model takes none.
        unknown: what any other value adds; None if the model takes none.
    """

    values: tuple[Cell, ...]
    weights: Floats
    missing: Floats | None
    unknown: Floats | None

    def of(self, value: Cell) -> Floats | None:
        """Return what a value adds, shape (scores,)."""
        if value is None:
            return self.missing
        found = [place for place, one in enumerate(self.values) if _same(one, value)]
        return self.weights[:, found[0]] if found else self.unknown

    def content(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "values": list(self.values),
            "weights": self.weights.tolist(),
            "missing": None if self.missing is None else self.missing.tolist(),
            "unknown": None if self.unknown is None else self.unknown.tolist(),
        }


def code(
    schema: TabularSchema, parts: Parts, columns: list[int], weights: Floats, row: list[Cell]
) -> tuple[dict[str, Coded], Floats]:
    """Ask the preparation what each value of some columns becomes.

    Each feature comes from one column, so columns can be asked one by one, in a row whose others
    stay as they are.

    Args:
        schema: what the model takes.
        parts: the preparation.
        columns: positions of the columns, ascending.
        weights: of the features that come from them, shape (scores, features); 0 of all others.
        row: one that the model takes.

    Returns:
        The columns by name, and what the row adds whose values they are told from: unknown ones
        where the model takes such, as one-hot coding makes zeros of them.

    Raises:
        RefusedModel: nobody knows a column's values.
    """
    base = list(row)
    for position in columns:
        base[position] = _least(schema.columns[position])
    asked: list[Instance] = [list(base)]
    for position in columns:
        values = _asked(schema.columns[position])
        asked += [[*base[:position], value, *base[position + 1 :]] for value in values]
    scores = _scores(schema, parts, weights, asked)
    first, rest = scores[0], scores[1:] - scores[0]
    found, begin = {}, 0
    for position in columns:
        column = schema.columns[position]
        end = begin + len(_asked(column))
        found[column.name] = _coded(column, rest[begin:end])
        begin = end
    return found, first


def unused(scores: int) -> Coded:
    """Return a column of texts of which no feature is made."""
    return Coded((), np.zeros((scores, 0)), np.zeros(scores), np.zeros(scores))


def _coded(column: Column, adds: Floats) -> Coded:
    values = _values(column)
    rest = list(adds[len(values) :])
    missing = rest.pop(0) if column.nullable else None
    unknown = rest.pop(0) if _takes_unknown(column) else None
    return Coded(values, adds[: len(values)].T, missing, unknown)


def _asked(column: Column) -> list[Cell]:
    asked: list[Cell] = list(_values(column))
    if column.nullable:
        asked.append(None)
    if _takes_unknown(column):
        asked.append(_stranger(column))
    return asked


def _values(column: Column) -> tuple[Cell, ...]:
    if column.dtype == "bool":
        return (False, True)
    if column.categories is None:
        raise RefusedModel(
            f"its preparation does more to column {column.name!r} than fill, shift and scale it"
        )
    return column.categories


def _least(column: Column) -> Cell:
    values = _values(column)
    if _takes_unknown(column):
        return _stranger(column)
    return values[0] if values else None


def _takes_unknown(column: Column) -> bool:
    return column.dtype != "bool" and column.policy.unknown in {"accept", "flag"}


def _stranger(column: Column) -> Cell:
    """Return a value that is none of the categories."""
    values = _values(column)
    if column.dtype == "string":
        return max((str(one) for one in values), key=len, default="") + "?"
    return max((one for one in values if isinstance(one, int | float)), default=0) + 1


def _scores(schema: TabularSchema, parts: Parts, weights: Floats, asked: list[Instance]) -> Floats:
    used = np.flatnonzero(weights.any(axis=0))
    found = []
    for begin in range(0, len(asked), ROWS_AT_ONCE):
        made: Any = _prepared(parts, to_rows(schema, asked[begin : begin + ROWS_AT_ONCE]))
        if sparse.issparse(made):
            found.append(np.asarray(made.tocsr()[:, used] @ weights[:, used].T))
        else:
            found.append(np.asarray(made, dtype=np.float64)[:, used] @ weights[:, used].T)
    return np.concatenate(found)


def _prepared(parts: Parts, X: Rows) -> Any:
    if parts.prepare is None:
        return X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # encoders tell of values that they do not know
        return parts.prepare.transform(X)


def _same(one: Cell, other: Cell) -> bool:
    """Say whether two values are one; 1 is not true."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)
