"""A quick way to read a large table of plain numbers, for bodies that leave no doubt.

simdjson turns the text into float64 without an object of Python a number, NumPy checks form and
limits. Whatever they do not vouch for is read the exact way, by `service.codecs.json_rows`, which
also finds the words for what is wrong. What is read here is read there too, to the same bits: a
test holds the two together.
"""

import numpy as np
import numpy.typing as npt
import simdjson

from models.schema import TabularSchema
from service.schema import FLOAT32_MAX, takes_any_float

COMMA, OPEN, CLOSE = b",[]"
QUOTES = 2
"""Those of the only key; a table of numbers has no other text."""

Floats = npt.NDArray[np.float64]


def is_plain(schema: TabularSchema) -> bool:
    """Return whether every column is a float that any finite number fits."""
    return all(map(takes_any_float, schema.columns))


class PlainTables:
    """Reads `{"instances": [[…], …]}` of one plain schema.

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
    return bool(numbers.max() <= FLOAT32_MAX and numbers.min() >= -FLOAT32_MAX)
