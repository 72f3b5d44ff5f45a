"""Cells of any origin become values of the declared type, whole columns at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from models.extract import texts
from models.rows import Array
from models.spec.columns import ColumnType

EXACT: Final = 2**53
"""Above it a float no longer tells neighbouring whole numbers apart."""


@dataclass(frozen=True)
class Typed:
    """A column's values by its type.

    Args:
        values: int64, float64, bool or string; null where missing or unfit.
        missing: where nothing stood.
        unfit: where something stood that the type does not have.
    """

    values: pa.Array
    missing: Array
    unfit: Array


def typed(
    cells: pa.Array,
    wanted: ColumnType,
    missing_words: Sequence[str] = (),
    *,
    form: str = "",
    decimal: str = ".",
) -> Typed:
    """Read cells as the type that was declared.

    Args:
        cells: an Arrow array of any type: texts of a CSV file as well as a database's values.
        wanted: the declared type.
        missing_words: texts that stand for a missing value.
        form: how texts write a date, if not in ISO 8601.
        decimal: what stands before the decimals of a number that is a text.
    """
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    absent = texts.mask(pc.is_null(cells, nan_is_null=kinds.is_floating(cells.type)))
    if kinds.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    cells = _as_text(cells)
    if kinds.is_string(cells.type):
        if wanted not in ("text", "picture"):
            cells = pc.utf8_trim_whitespace(cells)
        if missing_words:
            words = pc.is_in(cells, pa.array(missing_words, pa.string()))
            absent |= texts.mask(words)
            cells = pc.if_else(words, pa.scalar(None, pa.string()), cells)
        if form:
            cells = texts.iso_dates(cells, form)
        if decimal == ",":
            cells = texts.with_points(cells)
        values = _FROM_TEXT[wanted](cells)
    else:
        values = _FROM_TYPE[wanted](cells)
    return Typed(values, absent, texts.mask(pc.is_null(values)) & ~absent)


def _as_text(cells: pa.Array) -> pa.Array:
    """Return every kind of text as string; bytes that are not UTF-8 become null."""
    kind = cells.type
    if kinds.is_large_string(kind) or kinds.is_string_view(kind):
        return pc.cast(cells, pa.string())
    if kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_fixed_size_binary(kind):
        try:
            return pc.cast(pc.cast(cells, pa.binary()), pa.string())
        except pa.ArrowInvalid:
            return pa.array(map(_decoded, cells.to_pylist()), pa.string(), size=len(cells))
    return cells


def _decoded(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None


def _integers(cells: pa.Array) -> pa.Array:
    if kinds.is_integer(cells.type):
        if kinds.is_uint64(cells.type):
            inside = pc.less(cells, pa.scalar(2**63, pa.uint64()))
            cells = pc.if_else(inside, cells, pa.scalar(None, pa.uint64()))
        return pc.cast(cells, pa.int64())
    reals = _numbers(cells)
    whole = pc.and_(
        pc.equal(pc.floor(reals), reals), pc.less_equal(pc.abs(reals), pa.scalar(float(EXACT)))
    )
    kept = pc.if_else(whole, reals, pa.scalar(None, pa.float64()))
    return pc.cast(kept, pa.int64())


def _numbers(cells: pa.Array) -> pa.Array:
    kind = cells.type
    if kinds.is_integer(kind):
        return pc.cast(cells, pa.float64(), safe=False)
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return texts.finite(pc.cast(cells, pa.float64()))
    return _nothing(cells, pa.float64())


def _booleans(cells: pa.Array) -> pa.Array:
    if kinds.is_boolean(cells.type):
        return cells
    reals = _numbers(cells)
    truth = pc.equal(reals, 1.0)
    known = pc.or_(truth, pc.equal(reals, 0.0))
    return pc.if_else(known, truth, pa.scalar(None, pa.bool_()))


def _dates(cells: pa.Array) -> pa.Array:
    kind = cells.type
    if kinds.is_date(kind):
        return pc.strftime(cells, format="%Y-%m-%d")
    if kinds.is_timestamp(kind):
        zone = "" if kind.tz is None else "Z"
        utc = cells if kind.tz is None else pc.cast(cells, pa.timestamp(kind.unit, "UTC"))
        written = pc.strftime(utc, format=f"%Y-%m-%dT%H:%M:%S{zone}")
        return pc.replace_substring_regex(written, r"\.0+(Z?)$", r"\1")
    return _nothing(cells, pa.string())


def _words(cells: pa.Array) -> pa.Array:
    kind = cells.type
    if kinds.is_date(kind) or kinds.is_timestamp(kind):
        return _dates(cells)
    if kinds.is_nested(kind) or kinds.is_null(kind):
        return _nothing(cells, pa.string())
    return pc.cast(cells, pa.string())


def _nothing(cells: pa.Array, dtype: pa.DataType) -> pa.Array:
    return pa.nulls(len(cells), dtype)


def _same(cells: pa.Array) -> pa.Array:
    return cells


_FROM_TEXT: Final[Mapping[ColumnType, Callable[[pa.Array], pa.Array]]] = {
    "integer": texts.integers,
    "number": texts.numbers,
    "boolean": texts.booleans,
    "date": texts.dates,
    "text": _same,
    "picture": _same,
}
_FROM_TYPE: Final[Mapping[ColumnType, Callable[[pa.Array], pa.Array]]] = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "date": _dates,
    "text": _words,
    "picture": _words,
}
