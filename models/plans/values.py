"""Values of one column: ordinary ones, and those that are chosen to hurt.

Numbers are drafted as float64, null being NaN; texts as objects, null being None.
"""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from models.schema import Column
from models.tables import BOOL_NULL, ColumnCells

Array: TypeAlias = npt.NDArray[Any]

FLOAT32_MAX: Final = 3.4028234663852886e38
"""The largest number that the service takes, but for columns that had larger ones in training."""
FLOAT64_MAX: Final = 1.7976931348623157e308
SHRUNK: Final = 2.0**-20
"""Numbers near the largest are drawn so much smaller, and made large again: their differences, and
what these are divided by, stay finite."""
LARGEST_WHOLE: Final = 2.0**63 - 1024
"""The largest float64 that is an int64."""
SUBNORMALS: Final = (5e-324, 2.2250738585072014e-308, 1.401298464324817e-45, 1.1754943508222875e-38)
"""The least subnormal and the least normal float64, and float32's."""
STRANGE_TEXTS: Final = ("", " ", "\x00", "nan", "None", "é" * 40, "💣")
MOMENTS: Final = (
    "1999-12-31", "2000-02-29", "2038-01-19T03:14:08Z", "2024-12-31T23:59:59.999999", "1700-01-01",
    "2261-12-31 23:59", "2026-03-29T02:30:00+02:00",
)  # fmt: skip
_BITS: Final = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_UNSIGNED_BITS: Final = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 63}
WIDE: Final = 0.25
"""Ordinary numbers go beyond the training range by this share of it, where the policy lets them."""


def is_text(column: Column) -> bool:
    """Return whether a column holds texts."""
    return column.dtype == "string"


def ordinary(column: Column, rows: int, rng: np.random.Generator) -> Array:
    """Draw values like those of the training rows; some null where null may be."""
    if column.categories:
        values = _drawn(list(column.categories), rows, rng, column)
    elif column.dtype == "bool":
        values = rng.integers(0, 2, rows).astype(np.float64)
    elif is_text(column):
        values = _drawn(_texts(column), rows, rng, column)
    else:
        values = _spread(column, rows, rng)
    if column.nullable:
        values[rng.random(rows) < 0.1] = None if is_text(column) else np.nan
    return values if is_text(column) else legal(column, values)


def hurtful(column: Column) -> Array:
    """Return the values on which forms are known to go wrong, as far as a request may have them."""
    if is_text(column):
        return _as_texts(_texts(column))
    if column.dtype == "bool":
        return np.array([0.0, 1.0, *([np.nan] if column.nullable else [])])
    ends = [end for end in (column.min, column.max) if end is not None]
    around = [np.nextafter(end, side) for end in ends for side in (-np.inf, np.inf)]
    small = [sign * one for one in SUBNORMALS for sign in (1.0, -1.0)]
    large = [
        sign * one
        for one in (largest_float(column), FLOAT32_MAX, 1e20, 2.0**53 + 2, 2.0**24 + 1, 1e3)
        for sign in (1, -1)
    ]
    values = [0.0, -0.0, 1.0, -1.0, 0.5, *ends, *around, *small, *large, *_whole_ends(column)]
    known = [float(one) for one in column.categories or ()]
    unknown = [max(known) + 1, min(known) - 1, known[0] + 0.5] if known else []
    null = [np.nan] if column.nullable else []
    return distinct(legal(column, np.array([*values, *known, *unknown, *null], np.float64)))


def legal(column: Column, values: Array) -> Array:
    """Move numbers to the nearest that a request may have; null becomes 0 where none may be."""
    least, largest = bounds(column)
    if column.dtype not in {"float32", "float64"}:
        values = np.rint(values)
    moved = np.clip(values, least, largest)
    if not column.nullable:
        moved = np.where(np.isnan(moved), min(max(0.0, least), largest), moved)
    if column.categories and column.policy.unknown == "reject":
        known = np.sort(np.array(column.categories, np.float64))
        nearest = known[np.minimum(np.searchsorted(known, moved), len(known) - 1)]
        moved = np.where(np.isnan(moved), moved, nearest)
    return np.asarray(moved)


def distinct(values: Array) -> Array:
    """Return each number once; zeros of both signs are two."""
    bits = np.unique(np.ascontiguousarray(values, np.float64).view(np.int64))
    return bits.view(np.float64)


def as_cells(column: Column, values: Array) -> ColumnCells:
    """Return drafted values as a table has them."""
    if is_text(column):
        return list(values)
    if column.dtype == "bool":
        return np.where(np.isnan(values), BOOL_NULL, values).astype(np.int64)
    if column.dtype.startswith("float") or column.nullable:
        return np.ascontiguousarray(values, np.float64)
    return values.astype(np.int64)


def bounds(column: Column) -> tuple[float, float]:
    """Return the smallest and the largest number that a request may have."""
    if column.dtype == "bool":
        return 0.0, 1.0
    largest = largest_float(column)
    least = -largest
    if column.dtype in _BITS:
        largest = min(2.0 ** (_BITS[column.dtype] - 1) - 1, LARGEST_WHOLE)
        least = -(2.0 ** (_BITS[column.dtype] - 1))
    elif column.dtype in _UNSIGNED_BITS:
        least, largest = 0.0, min(2.0 ** _UNSIGNED_BITS[column.dtype] - 1, LARGEST_WHOLE)
    if column.policy.out_of_range == "reject":
        least = max(least, least if column.min is None else column.min)
        largest = min(largest, largest if column.max is None else column.max)
    return least, largest


def _whole_ends(column: Column) -> tuple[float, ...]:
    return () if column.dtype.startswith("float") else bounds(column)


def largest_float(column: Column) -> float:
    """Return the largest number that the service takes in a column of floats."""
    return FLOAT32_MAX if _widest(column) <= FLOAT32_MAX else FLOAT64_MAX


def _widest(column: Column) -> float:
    return max(abs(column.min or 0.0), abs(column.max or 0.0))


def _spread(column: Column, rows: int, rng: np.random.Generator) -> Array:
    """Draw between the quantiles as the training rows lie, and a little beyond the range."""
    if column.min is None or column.max is None:
        return rng.normal(0.0, 10.0, rows)
    scale = SHRUNK if _widest(column) > FLOAT64_MAX * SHRUNK else 1.0
    least, largest = column.min * scale, column.max * scale
    q = column.quantiles
    if q is None:
        values = rng.uniform(least, largest, rows)
    else:
        levels = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
        inner = np.array([q.p1, q.p5, q.p25, q.p50, q.p75, q.p95, q.p99]) * scale
        values = np.interp(rng.random(rows), levels, [least, *inner, largest])
    beyond = rng.random(rows) < 0.05
    width = WIDE * (largest - least)
    values[beyond] = rng.uniform(least - width, largest + width, int(beyond.sum()))
    with np.errstate(over="ignore"):  # what is too large is moved to the largest
        return values / scale


def _texts(column: Column) -> list[Any]:
    if column.dates:
        return [*MOMENTS, column.example, *([None] if column.nullable else [])]
    known = [str(one) for one in column.categories or ()]
    if column.policy.unknown == "reject":
        return [*known, *([None] if column.nullable else [])]
    more = [*(one.upper() for one in known[:3]), *(f"{one} " for one in known[:3])]
    example = [column.example] if isinstance(column.example, str) else []
    null = [None] if column.nullable else []
    words = example + [f"{one} {other}" for one in example for other in STRANGE_TEXTS]
    return list(dict.fromkeys([*known, *more, *STRANGE_TEXTS, *words, *null]))


def _drawn(values: list[Any], rows: int, rng: np.random.Generator, column: Column) -> Array:
    drawn = _as_texts(values)[rng.integers(0, len(values), rows)]
    return drawn if is_text(column) else drawn.astype(np.float64)


def _as_texts(values: list[Any]) -> Array:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
