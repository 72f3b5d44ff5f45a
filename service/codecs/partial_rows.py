"""Bodies of which the good rows shall be answered, and the others told of one by one."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from models.schema import Cell, ImageSchema, TabularSchema
from service.codecs.cells import Row
from service.codecs.csv_rows import CsvRows
from service.codecs.flags import Warnings
from service.codecs.json_rows import Form, JsonRows, Parsed, refuse_duplicate_keys
from service.codecs.npy_rows import NpyRows
from service.codecs.table_rows import TableRows
from service.errors import ServiceError, Unfit, Unreadable, too_many_rows

Steps = list[str | int]


class RowError(NamedTuple):
    """Why a row has no answer."""

    row: int
    code: str
    message: str
    loc: Steps

    def told(self) -> dict[str, Any]:
        """Return the error as JSON has it."""
        return self._asdict()


class Sieved(NamedTuple):
    """The rows of a body that fit the model, and what is wrong with the others."""

    form: Form
    root: str
    """The key that locations begin with: the request's, or "rows" where it has no keys."""
    rows_given: int
    """All rows of the body."""
    places: Sequence[int]
    """Where each of the good rows stood."""
    rows: Sequence[Row]
    pictures: Sequence[bytes]
    errors: list[RowError]

    def loc(self, row: int) -> Steps:
        """Return the location of a row as a whole."""
        return [self.root] if self.form == "instance" else [self.root, row]


class PartialRows:
    """Reads the bodies of one model row by row, if it must.

    Args:
        json_rows: reads its JSON.
        schema: its columns, or the form of its pictures.
        max_rows: the most rows in one request.
    """

    def __init__(
        self, json_rows: JsonRows, schema: TabularSchema | ImageSchema, max_rows: int
    ) -> None:
        self._parse = json_rows.parse
        self._max_rows = max_rows
        self._names: list[str] = []
        if isinstance(schema, TabularSchema):
            self._names = [column.name for column in schema.columns]
            self._table = TableRows(schema, max_rows)
            self._csv = CsvRows(schema, max_rows)
            self._npy = NpyRows(schema, max_rows)

    def from_json(self, body: bytes) -> Sieved:
        """Return the good rows of a JSON request.

        Raises:
            Unreadable: it is not JSON, or a key stands twice in an object.
            TooLarge: there are too many rows.
            Unfit: it has no rows to be told apart.
        """
        try:
            form, rows, pictures = self._parse(body)
        except Unfit:
            split = self._split(body)
            if split is None:
                raise
        else:
            return _all_good(form, form, rows, pictures)
        refuse_duplicate_keys(body)
        form, given = split
        good: list[Parsed] = []
        places, errors = [], []
        for i, one in enumerate(given):
            try:
                good.append(self._parse(to_json({"instance": one})))
                places.append(i)
            except ServiceError as error:
                errors.append(_row_error(error, i, self._place(form, i, error)))
        rows = [row for one in good for row in one.rows]
        pictures = [picture for one in good for picture in one.pictures]
        return Sieved(form, form, len(given), places, rows, pictures, errors)

    def from_csv(self, body: bytes) -> Sieved:
        """Return the good rows of a CSV body; raises as `CsvRows.read` if its header is wrong."""
        try:
            return _all_good("instances", "rows", self._table.from_csv(body))
        except Unfit:
            records = _records(body)
            if not records:
                raise
            has_header = sorted(records[0]) == sorted(self._names)
            if not has_header and set(records[0]) & set(self._names):
                raise
        header, records = (records[:1], records[1:]) if has_header else ([], records)
        if not records:
            raise Unfit("There are no rows below the header.")
        return self._sieve(records, lambda one: self._csv.read(_as_csv([*header, one])))

    def from_picture(self, body: bytes) -> Sieved:
        """Return the one row that a picture is; whether it can be decoded is not looked at."""
        return _all_good("instance", "instance", (), [body])

    def from_npy(self, body: bytes) -> Sieved:
        """Return the good rows of a .npy body; raises as `NpyRows.read`."""
        return self._sieve(self._npy.read(body), lambda one: [one])

    def _sieve(
        self, given: Sequence[Any], typed: Callable[[Any], Sequence[Sequence[Cell]]]
    ) -> Sieved:
        if len(given) > self._max_rows:
            raise too_many_rows(self._max_rows)
        rows, places, errors = [], [], []
        for i, one in enumerate(given):
            try:
                rows += self._table.check(typed(one))
                places.append(i)
            except ServiceError as error:
                steps = error.details[0]["loc"][2:] if error.details else []
                errors.append(_row_error(error, i, ["rows", i, *steps]))
        return Sieved("instances", "rows", len(given), places, rows, (), errors)

    def _split(self, body: bytes) -> tuple[Form, Sequence[Any]] | None:
        """Return the instances of a request that does not fit as a whole; None if it has none.

        Raises:
            TooLarge: there are too many.
        """
        try:
            said = from_json(body, allow_inf_nan=False)
        except ValueError:
            return None
        if not isinstance(said, dict) or len(said) != 1:
            return None
        if "instance" in said:
            return "instance", [said["instance"]]
        form: Form = "inputs" if "inputs" in said else "instances"
        given = self._in_rows(said["inputs"]) if "inputs" in said else said.get("instances")
        if not isinstance(given, list) or not given:
            return None
        if len(given) > self._max_rows:
            raise too_many_rows(self._max_rows)
        return form, given

    def _in_rows(self, columns: Any) -> list[Any] | None:
        if not isinstance(columns, dict) or columns.keys() != set(self._names):
            return None
        values = [columns[name] for name in self._names]
        if not all(isinstance(one, list) for one in values):
            return None
        return list(zip(*values, strict=True)) if len(set(map(len, values))) == 1 else None

    def _place(self, form: Form, row: int, error: ServiceError) -> Steps:
        """Return where a row's error is in the body that it came in."""
        inside: Steps = error.details[0]["loc"][1:] if error.details else []
        if form == "instance":
            return [form, *inside]
        if form == "inputs" and inside and isinstance(inside[0], int):
            return [form, self._names[inside[0]], row]
        return [form, row, *inside]


def moved(warnings: Warnings, places: Sequence[int]) -> Warnings:
    """Return the warnings of the good rows, by the places that these rows had."""
    first = [one._replace(row=places[one.row]) for one in warnings.first]
    return warnings._replace(first=first)


def _all_good(form: Form, root: str, rows: Sequence[Row], pictures: Sequence[bytes] = ()) -> Sieved:
    count = max(len(rows), len(pictures))
    return Sieved(form, root, count, range(count), rows, pictures, [])


def _row_error(error: ServiceError, row: int, loc: Steps) -> RowError:
    text = error.details[0]["message"] if error.details else error.message
    return RowError(row, error.word, text, loc)


def _records(body: bytes) -> list[list[str]]:
    """Return the lines' cells of a body whose first lines are CSV in UTF-8."""
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        return list(filter(None, reader))
    except csv.Error as error:
        raise Unreadable(f"The body is not valid CSV: {error}.") from None


def _as_csv(records: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue().encode()
