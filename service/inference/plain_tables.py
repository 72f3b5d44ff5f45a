"""A quick way to read a large table of plain numbers, for bodies that leave no doubt.

orjson reads, struct checks the types, NumPy checks the limits. Whatever any of them does not
vouch for is read the exact way, by `service.codecs.json_rows`, which also finds the words for what
is wrong. What is read here is read there too, to the same bits: a test holds the two together.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from models.schema import TabularSchema
from service.codecs.cells import Cells
from service.schema import FLOAT32_MAX, takes_any_float

Pack = Callable[[list[Any]], Cells]


def is_plain(schema: TabularSchema) -> bool:
    """Return whether every column is a float that any finite number fits."""
    return all(map(takes_any_float, schema.columns))


def read_plain_table(body: bytes, pack: Pack, max_rows: int) -> Cells | None:
    """Read `{"instances": [[…], …]}` of a plain schema.

    Args:
        body: the request's body.
        pack: `CellPacker.pack` of the schema.
        max_rows: the most instances in one request.

    Returns:
        The rows, or None if the exact way has to decide.
    """
    # Another colon may be a key that stands twice; a boolean would be packed as a number.
    if body.count(b":") != 1 or b"true" in body or b"false" in body:
        return None
    try:
        rows = orjson.loads(body)["instances"]
        if not isinstance(rows, list) or not 0 < len(rows) <= max_rows:
            return None
        cells = pack(rows)
    except (orjson.JSONDecodeError, KeyError, TypeError, OverflowError, struct.error):
        return None
    largest = np.abs(np.frombuffer(cells.numbers, np.float64)).max()
    return cells if largest <= FLOAT32_MAX else None
