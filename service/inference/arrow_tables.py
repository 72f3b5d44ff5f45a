"""Arrow streams to the model's columns: at once where a column leaves no doubt, else row by row."""

from collections.abc import Callable, Sequence
from math import isfinite, isnan
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from models.moments import is_moment, years_of
from models.schema import Column, TabularSchema
from models.tables import ColumnCells
from service.codecs.cells import BOOL_NULL, Row, number_format
from service.errors import Detail, TooLarge, Unfit, Unreadable
from service.inference.arrow_arrays import numbers_of
from service.schema import number_range

MAX_NAMED = 5
MAX_SHOWN_CHARS = 40
MAX_TEXT_BYTES = 1 << 28
"""Texts may share their bytes in a stream, and do not once they are Python's."""

FLOATS = pa.float64()

Check = Callable[[Sequence[Sequence[Any]]], Sequence[Row]]


class Rows(NamedTuple):
    """Rows of a body: as columns, or, if only words for what is wrong were wanted, as rows."""

    total: int
    columns: list[ColumnCells] | None
    rows: Sequence[Row] = ()


class ArrowTables:
    """Reads the Arrow streams that are sent to one model.

    Args:
        schema: the model's columns.
        check: holds rows in the fitted order against the schema, and returns them as the model
            takes them.
    """

    def __init__(self, schema: TabularSchema, check: Check) -> None:
        self._columns = schema.columns
        self._names = [column.name for column in schema.columns]
        self._by_position = schema.container != "frame"
        self._check = check

    def read(self, body: memoryview, start: int = 0, stop: int = 0) -> Rows:
        """Return the rows of a stream.

        Args:
            body: a whole stream.
            start: the first row wanted.
            stop: the row behind the last one; 0 is the end.

        Raises:
            Unreadable: it is none.
            Unfit: its columns are not the model's, or a cell does not fit its column.
        """
        table = self._table(body, start, stop)
        arrays = [
            _plain_array(column, table.column(place))
            for column, place in zip(self._columns, self._places(table.column_names), strict=True)
        ]
        found = [
            _quick_cells(column, array) for column, array in zip(self._columns, arrays, strict=True)
        ]
        columns = [cells for cells in found if cells is not None]
        if len(columns) == len(found):
            return Rows(table.num_rows, columns)
        # Somewhere is a doubt: who reads cell by cell either has none, or finds the words.
        values = [_values(array) for array in arrays]
        return Rows(table.num_rows, None, self._check(list(zip(*values, strict=True))))

    def _table(self, body: memoryview, start: int, stop: int) -> pa.Table:
        try:
            with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
                table = stream.read_all()
            table.validate(full=True)
        except (pa.ArrowException, ValueError, OSError, KeyError, TypeError) as error:
            raise Unreadable("The body is not an Arrow IPC stream that can be read.") from error
        if start or stop:
            table = table.slice(start, (stop or table.num_rows) - start)
        if not table.num_rows:
            raise Unfit("There are no rows.")
        return table

    def _places(self, names: Sequence[str]) -> Sequence[int]:
        """Return where each of the model's columns stands in a stream."""
        if set(names) == set(self._names) and len(names) == len(self._names):
            return [names.index(name) for name in self._names]
        if self._by_position and len(names) == len(self._names):
            return range(len(names))
        problems = [
            f"{what} {', '.join(repr(name[:MAX_SHOWN_CHARS]) for name in found[:MAX_NAMED])}"
            for what, found in (
                ("missing:", [name for name in self._names if name not in names]),
                ("unknown:", [name for name in names if name not in self._names]),
            )
            if found
        ]
        what = "; ".join(problems) or "a name stands twice"
        raise Unfit(f"The stream does not have the model's columns; {what}.")


def _plain_array(column: Column, chunked: pa.ChunkedArray) -> pa.Array:
    """Return a column's values in one array, of a type that its dtype can be made of."""
    kind = chunked.type
    if kind == FLOATS and chunked.num_chunks == 1 and column.dtype == "float64":
        return chunked.chunk(0)  # what most streams have needs no further questions
    if column.dates and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        chunked = chunked.cast(pa.string())  # Arrow writes ISO 8601, in UTC if there is a zone
        kind = chunked.type
    bare = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_number = pa.types.is_integer(bare) or pa.types.is_floating(bare)
    is_text = (
        pa.types.is_string(bare) or pa.types.is_large_string(bare) or pa.types.is_string_view(bare)
    )
    fits = {"bool": pa.types.is_boolean(bare), "string": is_text}.get(column.dtype, is_number)
    if not (fits or pa.types.is_null(bare)):
        message = f"Arrow's {str(bare)[:MAX_SHOWN_CHARS]} does not become {column.dtype}"
        detail = Detail(loc=["columns", column.name], message=message)
        raise Unfit(f"Column {column.name}: {message}.", [detail])
    # One chunk is what it is: to combine it would copy it.
    array = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # as of dictionaries that differ
        array = pa.concat_arrays(array.unify_dictionaries().chunks)
    if pa.types.is_dictionary(kind) and not is_text:
        array = array.dictionary_decode()
    return array


def _quick_cells(column: Column, array: pa.Array) -> ColumnCells | None:
    """Return a column's cells if all of them fit it without doubt, else None."""
    if array.null_count and not column.nullable:
        return None
    if column.dtype == "string":
        return _quick_texts(column, _values(array))
    rejected = column.categories if column.policy.unknown == "reject" else None
    if column.dtype == "bool":
        values = numbers_of(array.cast(pa.bool_()).cast(pa.int64()), BOOL_NULL)
        allowed = None if rejected is None else [BOOL_NULL, *map(int, rejected)]
        return values if allowed is None or np.isin(values, allowed).all() else None
    try:
        kind = pa.float64() if column.dtype.startswith("float") else pa.int64()
        array = array.cast(kind, safe=True)
    except pa.ArrowInvalid:
        return None
    return _quick_numbers(column, array, rejected)


def _quick_numbers(
    column: Column, array: pa.Array, rejected: Sequence[Any] | None
) -> ColumnCells | None:
    present = numbers_of(array.drop_null(), 0)
    # If there is a NaN, it is the least.
    if len(present) and present.dtype.kind == "f" and isnan(present.min()):
        if not column.nullable:
            return None
        present = present[~np.isnan(present)]
    if len(present):
        low, high = number_range(column)
        least, greatest = present.min(), present.max()
        if not (least >= low and greatest <= high and isfinite(least) and isfinite(greatest)):
            return None
        if rejected and not np.isin(present, list(rejected)).all():
            return None
    if number_format(column) == "d":
        array = array.cast(pa.float64(), safe=False)
    return numbers_of(array, np.nan)


def _quick_texts(column: Column, values: list[str | None]) -> ColumnCells | None:
    if column.policy.unknown == "reject" and column.categories:
        return values if set(values) <= {None, *column.categories} else None
    if column.dates:
        years = years_of(column.frame_dtype)
        return values if all(one is None or is_moment(one, years) for one in set(values)) else None
    return values


def _values(array: pa.Array) -> list[Any]:
    """Return Python's values; equal texts of a dictionary are one object.

    Raises:
        TooLarge: texts that share their bytes would be too large apart.
    """
    if pa.types.is_dictionary(array.type):
        words = np.array([*array.dictionary.to_pylist(), None], dtype=object)
        places = numbers_of(array.indices.cast(pa.int64()), len(words) - 1)
        taken: list[Any] = words[places].tolist()
        return taken
    if pa.types.is_string_view(array.type):
        # A view is its length, and where it is.
        sizes = np.frombuffer(array.buffers()[1], np.int32)[::4]
        sizes = sizes[array.offset : array.offset + len(array)]
        if int(sizes.astype(np.int64).clip(0).sum()) > MAX_TEXT_BYTES:
            raise TooLarge(f"The texts of a column have more than {MAX_TEXT_BYTES} bytes.")
    values: list[Any] = array.to_pylist()
    return values
