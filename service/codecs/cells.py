"""Rows of a table as three buffers: what travels from the API process to a worker.

numbers   one record a row, row after row: 8 bytes a non-string column in the fitted order, a
          float64, or an int64 for integers and booleans that cannot be null
lengths   one int32 a row and string column: bytes of UTF-8, or -1 for null
text      the UTF-8 of all strings in the same order

Buffers of consecutive requests join by concatenation, so a batch is three joins. Byte order is
the machine's own: both ends run on one machine.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.schema import Cell, Column, TabularSchema
from service.codecs.flags import Flags, Warnings

NAN = float("nan")
BOOL_NULL = -1
Row = Sequence[Cell]


class Cells(NamedTuple):
    """The rows of one request."""

    rows: int
    numbers: bytes
    lengths: bytes = b""
    text: bytes = b""
    warnings: Warnings | None = None
    """What the answer shall tell of the rows; it does not travel."""


def cut_cells(cells: Cells, parts: int) -> list[Cells]:
    """Return requests with about equally many rows that are the given one together.

    Args:
        cells: of a request that has rows; what is to be told of them is left out.
        parts: how many are wanted; each has a row at least.
    """
    rows = cells.rows
    parts = min(parts, rows)
    number_bytes, length_bytes = len(cells.numbers) // rows, len(cells.lengths) // rows
    lengths = memoryview(cells.lengths)
    found, begin, text_begin = list[Cells](), 0, 0
    for number in range(1, parts + 1):
        end = rows * number // parts
        own = lengths[begin * length_bytes : end * length_bytes]
        text_end = text_begin + sum(size for size in own.cast("i") if size > 0)
        numbers = cells.numbers[begin * number_bytes : end * number_bytes]
        found.append(Cells(end - begin, numbers, bytes(own), cells.text[text_begin:text_end]))
        begin, text_begin = end, text_end
    return found


def number_format(column: Column) -> str:
    """Return the struct code of a non-string column's cell.

    A nullable integer is a float64, because NaN has to fit in. A nullable boolean is an int64,
    where -1 is null.
    """
    if column.dtype == "bool":
        return "q"
    if column.dtype.startswith("float") or column.nullable:
        return "d"
    return "q"


class CellPacker:
    """Packs validated rows of one schema.

    Args:
        schema: columns in the order that the rows have.
    """

    def __init__(self, schema: TabularSchema) -> None:
        columns = list(enumerate(schema.columns))
        self._numbers = [(i, column) for i, column in columns if column.dtype != "string"]
        self._strings = [i for i, column in columns if column.dtype == "string"]
        code = "".join(number_format(column) for _, column in self._numbers)
        self._pack_row = struct.Struct("=" + code).pack
        plain = not self._strings and not any(column.nullable for _, column in columns)
        self.pack: Callable[[Sequence[Row]], Cells] = self._pack_mixed
        if plain and "q" not in code:
            self.pack = self._pack_floats
        flags = Flags(schema)
        if flags:
            self.pack = _flagging(self.pack, flags)

    def _pack_floats(self, rows: Sequence[Row]) -> Cells:
        pack = self._pack_row
        numbers = pack(*rows[0]) if len(rows) == 1 else b"".join([pack(*row) for row in rows])
        # What the named tuple's own constructor does, but for the call.
        return tuple.__new__(Cells, (len(rows), numbers, b"", b"", None))

    def _pack_mixed(self, rows: Sequence[Row]) -> Cells:
        nulls = [BOOL_NULL if column.dtype == "bool" else NAN for _, column in self._numbers]
        places = [i for i, _ in self._numbers]
        numbers = b"".join(
            self._pack_row(
                *(
                    null if (cell := row[i]) is None else cell
                    for i, null in zip(places, nulls, strict=True)
                )
            )
            for row in rows
        )
        texts = [
            None if (cell := row[i]) is None else str(cell).encode()
            for row in rows
            for i in self._strings
        ]
        lengths = array("i", (-1 if text is None else len(text) for text in texts))
        return Cells(
            len(rows), numbers, lengths.tobytes(), b"".join(text for text in texts if text)
        )


def _flagging(pack: Callable[[Sequence[Row]], Cells], flags: Flags) -> Callable[..., Cells]:
    """Return a `pack` that looks for flagged values, too; only models that flag any have it."""

    def pack_and_look(rows: Sequence[Row]) -> Cells:
        return pack(rows)._replace(warnings=flags.find(rows))

    return pack_and_look
