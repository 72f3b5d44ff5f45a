"""Rows of a CSV body (RFC 4180, UTF-8), typed by the model's columns."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from models.schema import Cell, Column, TabularSchema
from service.errors import Detail, Unfit, Unreadable, too_many_rows

MAX_DETAILS = 20
MAX_NAMED = 5
MAX_SHOWN_CHARS = 40
SWITCH = {"true": True, "1": True, "false": False, "0": False}

Read = Callable[[str], Cell]


class CsvRows:
    """Reads the CSV requests of one model.

    The first line is a header if it is exactly the set of the columns' names, in any order; else it
    is a row, and the cells are in the fitted order. An empty cell is a missing value where the
    column takes one.

    Args:
        schema: the model's columns.
        max_rows: the most rows in one request.
    """

    def __init__(self, schema: TabularSchema, max_rows: int) -> None:
        self._max_rows = max_rows
        self._names = tuple(column.name for column in schema.columns)
        self._readers = tuple(_reader(column) for column in schema.columns)

    def is_header(self, record: Sequence[str]) -> bool:
        """Return whether a line's cells are exactly the columns' names."""
        return len(record) == len(self._names) and set(record) == set(self._names)

    def read(self, body: bytes, *, bare: bool = False) -> list[list[Cell]]:
        """Return the rows in the fitted order; whether a cell fits its column is not looked at.

        Args:
            body: the whole body, or some whole lines of one.
            bare: the first line is a row, whatever it looks like.

        Raises:
            Unreadable: the body is not CSV.
            TooLarge: there are too many rows.
            Unfit: a row has another number of cells than the model has columns, or a cell is no
                number (or no boolean) where the column has nothing else.
        """
        records = _records(body)
        first = next(records, None)
        if first is None:
            raise Unfit("There are no rows.")
        if not bare and self.is_header(first):
            rows = self._typed(records, [first.index(name) for name in self._names])
        else:
            try:
                rows = self._typed(chain([first], records), range(len(self._names)))
            except Unfit:
                if not bare:
                    self._refuse_header(first)
                raise
        if not rows:
            raise Unfit("There are no rows below the header.")
        return rows

    def _typed(self, records: Iterable[list[str]], order: Sequence[int]) -> list[list[Cell]]:
        plan = list(zip(self._readers, order, strict=True))
        rows: list[list[Cell]] = []
        details: list[Detail] = []
        for number, record in enumerate(records):
            if number == self._max_rows:
                raise too_many_rows(self._max_rows)
            if len(record) != len(plan):
                raise Unfit(
                    f"Row {number} has {len(record)} cells; the model has {len(plan)} columns.",
                    [Detail(loc=["rows", number], message=f"{len(record)} cells")],
                )
            try:
                rows.append([read(record[i]) for read, i in plan])
            except ValueError:
                details += self._problems(number, [record[i] for i in order])
                if len(details) >= MAX_DETAILS:
                    break
        if details:
            row, name = details[0]["loc"][1:]
            text = f"Row {row}, column {name}: {details[0]['message']}."
            raise Unfit(text, details[:MAX_DETAILS])
        return rows

    def _problems(self, number: int, cells: Sequence[str]) -> Iterator[Detail]:
        for name, read, cell in zip(self._names, self._readers, cells, strict=True):
            try:
                read(cell)
            except ValueError as error:
                yield Detail(loc=["rows", number, name], message=str(error))

    def _refuse_header(self, first: Sequence[str]) -> None:
        """Refuse a first line that is no row, but was meant to be the header."""
        named = set(first) & set(self._names)
        if not named:
            return
        problems = [
            f"{what} {', '.join(repr(name[:MAX_SHOWN_CHARS]) for name in names[:MAX_NAMED])}"
            for what, names in (
                ("missing:", [name for name in self._names if name not in named]),
                ("unknown:", [name for name in first if name not in named]),
            )
            if names
        ]
        what = "; ".join(problems) or "a name stands twice"
        raise Unfit(f"The header does not have the model's columns; {what}.")


def _records(body: bytes) -> Iterator[list[str]]:
    """Yield the lines' cells; lines without any are left out.

    Raises:
        Unreadable: the body is not CSV in UTF-8.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        text = f"Line {reader.line_num}: the body is not valid CSV: {error}."
        detail = Detail(loc=["lines", reader.line_num], message=str(error))
        raise Unreadable(text, [detail]) from None


def _reader(column: Column) -> Read:
    """Return what turns a cell's text into a value of the column, or raises ValueError."""
    if column.dtype == "string":
        return _text_or_missing if column.nullable else str
    bare = _boolean if column.dtype == "bool" else _number
    if column.dtype.startswith(("int", "uint")):
        bare = _integer
    nullable = column.nullable

    def read(text: str) -> Cell:
        if text == "":
            if nullable:
                return None
            raise ValueError("the cell is empty, and the column takes no missing values")
        return bare(text)

    return read


def _text_or_missing(text: str) -> Cell:
    return text or None


def _boolean(text: str) -> Cell:
    value = SWITCH.get(text.strip().lower())
    if value is None:
        raise ValueError(f"should be true or false, not {text[:MAX_SHOWN_CHARS]!r}")
    return value


def _number(text: str) -> Cell:
    try:
        # Underscores and digits of other scripts are liberties of Python's own.
        value = float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"should be a number, not {text[:MAX_SHOWN_CHARS]!r}")
    return value


def _integer(text: str) -> Cell:
    """Return an int, exact to the last digit; what is written as 3.0 is left for the check."""
    digits = text.strip().lstrip("+-")
    if digits.isascii() and digits.isdigit() and len(digits) < MAX_SHOWN_CHARS:
        try:
            return int(text)
        except ValueError:  # two signs
            pass
    return _number(text)
