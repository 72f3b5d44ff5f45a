"""A quick way to read a large table of plain numbers, for bodies that leave no doubt.

simdjson turns the text into float64 without an object of Python a number, NumPy checks form and
limits. Whatever they do not vouch for is read the exact way, by `service.codecs.json_rows` and
`service.codecs.table_rows`, which also find the words for what is wrong. What is read here is read
there too, to the same bits: tests hold the two together.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import simdjson

from models.schema import TabularSchema
from service.codecs.npy_rows import read_header
from service.errors import ServiceError
from service.schema import FLOAT32_MAX, takes_any_float

IN_CSV = b"0123456789+-.eE, \n"
"""Characters of numbers and between them. JSON's numbers are numbers of CSV, too."""
ZEROS = (b"-0,", b"-0\n", b"-0 ")
BOOLEANS = "?"
COMMA, OPEN, CLOSE = b",[]"
QUOTES = 2
"""Those of the only key; a table of numbers has no other text."""

Floats = npt.NDArray[np.float64]


def is_plain(schema: TabularSchema) -> bool:
    """Return whether every column is a float that any finite number fits."""
    return all(map(takes_any_float, schema.columns))


class PlainTables:
    """Reads tables of one plain schema: JSON's `{"instances": [[…], …]}`, CSV and npy.

    Args:
        width: the model's columns.
        max_rows: the most instances in one request.
    """

    def __init__(self, width: int, max_rows: int) -> None:
        self._width = width
        self._max_rows = max_rows
        self._parser = simdjson.Parser()

    def read(self, body: bytes) -> Floats | None:
        """Return the numbers, shape (rows, columns), or None if the exact way has to decide."""
        # A byte order mark is skipped by simdjson, and refused by the exact way.
        if not body.startswith(b"{") or body.count(b'"') != QUOTES:
            return None
        try:
            rows, numbers = self._numbers(body)
        except (ValueError, KeyError, TypeError, RuntimeError):
            return None
        if not 0 < rows <= self._max_rows or len(numbers) != rows * self._width:
            return None
        if not _is_rectangle(body, rows, self._width):
            return None
        return numbers.reshape(rows, self._width) if _is_within(numbers) else None

    def read_csv(self, records: bytes) -> Floats | None:
        """Return the numbers of CSV without a header, or None if the exact way has to decide."""
        lines = records.replace(b"\r\n", b"\n").removesuffix(b"\n")
        if lines.translate(None, IN_CSV):
            return None
        numbers = self.read(b'{"instances":[[%b]]}' % lines.replace(b"\n", b"],["))
        if numbers is None or ((numbers == 0).any() and _has_signed_zero(lines)):
            return None
        return numbers

    def read_npy(self, body: bytes) -> Floats | None:
        """Return the numbers of an array, or None if the exact way has to decide."""
        try:
            header, start = read_header(body)
        except ServiceError:
            return None
        kind = np.dtype(header.format)
        rows, width = header.shape if len(header.shape) == 2 else (0, 0)
        if kind.char == BOOLEANS or width != self._width or not 0 < rows <= self._max_rows:
            return None
        if len(body) - start != rows * width * kind.itemsize:
            return None
        order: Any = "F" if header.is_fortran else "C"
        array = np.frombuffer(body, kind, offset=start).reshape((rows, width), order=order)
        numbers = np.ascontiguousarray(array, np.float64)
        return numbers if _is_within(numbers) else None

    def _numbers(self, body: bytes) -> tuple[int, Floats]:
        """Return how many instances there are, and the numbers of all, however they are nested.

        Raises:
            ValueError, KeyError, TypeError, RuntimeError: the body is no JSON, it has no instances,
                or there is something else than numbers in them.
        """
        request = self._parser.parse(body)
        if not isinstance(request, simdjson.Object):
            raise TypeError("not an object")
        instances = request["instances"]
        if not isinstance(instances, simdjson.Array):
            raise TypeError("not a list")
        return len(instances), np.frombuffer(instances.as_buffer(of_type="d"), np.float64)


def _has_signed_zero(lines: bytes) -> bool:
    """Return whether there is a zero whose sign JSON's integers lose and CSV's numbers keep."""
    return lines.endswith(b"-0") or any(zero in lines for zero in ZEROS)


def _is_rectangle(body: bytes, rows: int, width: int) -> bool:
    """Return whether each of so many instances is a list of `width` numbers.

    The body is valid JSON without texts, so every comma and bracket is part of its structure.
    """
    characters = np.frombuffer(body, np.uint8)
    opens = np.flatnonzero(characters == OPEN)
    closes = np.flatnonzero(characters == CLOSE)
    commas = np.flatnonzero(characters == COMMA)
    if not len(opens) == len(closes) == rows + 1 or len(commas) != rows * width - 1:
        return False
    # No list opens in another one: so every instance is a list, and a flat one.
    if not (opens[2:] > closes[: rows - 1]).all():
        return False
    # As many commas as are due stand before the end of each.
    behind = bool((commas[width - 1 :: width] > closes[: rows - 1]).all())
    return behind and (width == 1 or bool((commas[width - 2 :: width] < closes[:rows]).all()))


def _is_within(numbers: Floats) -> bool:
    """Return whether all fit a column; NaN fits none of these."""
    return bool(numbers.max() <= FLOAT32_MAX and numbers.min() >= -FLOAT32_MAX)
