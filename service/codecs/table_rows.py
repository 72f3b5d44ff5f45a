"""Rows that came by another way than V1's JSON, held against the model's schema."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from models.schema import TabularSchema
from service.codecs.cells import Row
from service.codecs.csv_rows import CsvRows
from service.codecs.npy_rows import NpyRows
from service.errors import Detail, Unfit, too_many_rows
from service.schema import row_type, takes_any_float

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
MAX_MESSAGE_CHARS = 256


class TableRows:
    """Checks rows by the same types as V1's JSON.

    Args:
        schema: the model's columns.
        max_rows: the most rows in one request.
    """

    def __init__(self, schema: TabularSchema, max_rows: int) -> None:
        self.names = tuple(column.name for column in schema.columns)
        self.max_rows = max_rows
        self._any_nullable = any(column.nullable for column in schema.columns)
        self.any_floats = all(map(takes_any_float, schema.columns))
        self._csv = CsvRows(schema, max_rows)
        self._npy = NpyRows(schema, max_rows)
        row: Any = row_type(schema)
        self._validate = TypeAdapter(row, config=_STRICT).validator.validate_python

    def check(self, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Return the rows as the model takes them.

        Args:
            rows: cells in the fitted order; NaN stands for a missing value.

        Raises:
            TooLarge: there are too many.
            Unfit: a cell does not fit its column; the message says which.
        """
        if len(rows) > self.max_rows:
            raise too_many_rows(self.max_rows)
        return [self._checked(i, row) for i, row in enumerate(rows)]

    def _checked(self, number: int, row: Sequence[Any]) -> Row:
        try:
            checked: Row = self._validate(
                tuple(map(_null_for_nan, row) if self._any_nullable else row)
            )
        except ValidationError as error:
            raise self._refusal(number, error) from None
        return checked

    def from_csv(self, body: bytes, *, bare: bool = False) -> list[Row]:
        """Return the rows of a CSV body; raises as `CsvRows.read` and `check`."""
        return self.check(self._csv.read(body, bare=bare))

    def behind_header(self, body: bytes) -> bytes | None:
        """Return the records of CSV without quotes, or None if its header has another order."""
        line, _, records = body.partition(b"\n")
        try:
            cells = line.decode().removesuffix("\r").split(",")
        except UnicodeDecodeError:
            return None
        if tuple(cells) == self.names:
            return records
        return None if self._csv.is_header(cells) else body

    def from_npy(self, body: bytes) -> list[Row]:
        """Return the rows of a .npy body; raises as `NpyRows.read` and `check`."""
        return self.check(self._npy.read(body))

    def from_columns(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        """Return the rows of columns in the fitted order; raises as `check`.

        Raises:
            Unfit: the columns have different lengths.
        """
        counts = {len(column) for column in columns}
        if len(counts) > 1:
            raise Unfit(f"The columns have different lengths: {min(counts)} to {max(counts)}.")
        return self.check(list(zip(*columns, strict=True)))

    def _refusal(self, row: int, error: ValidationError) -> Unfit:
        details = []
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            place = problem["loc"][0] if problem["loc"] else 0
            name = self.names[place] if isinstance(place, int) and place < len(self.names) else "?"
            details.append(
                Detail(loc=["rows", row, name], message=problem["msg"][:MAX_MESSAGE_CHARS])
            )
        first = details[0]
        text = f"Row {row}, column {first['loc'][2]}: {first['message']}."
        return Unfit(text, details)


def _null_for_nan(cell: Any) -> Any:
    """Return None for NaN, by which arrays tell of a missing value; a column may refuse it."""
    return None if isinstance(cell, float) and isnan(cell) else cell
