"""Cells to rows, of which any form can be asked for its answers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.containers import Containers
from models.schema import Column, TabularSchema
from models.tables import Array, ColumnCells, Rows
from service.codecs.cells import BOOL_NULL, Cells, number_format
from service.inference.messages import PredictBatch


class InputBuilder:
    """Reads the rows of one schema from the joined cells of a batch.

    Args:
        schema: columns in the fitted order.
    """

    def __init__(self, schema: TabularSchema) -> None:
        self._columns = schema.columns
        self._containers = Containers(schema)
        self._numbers = [column for column in schema.columns if column.dtype != "string"]
        self._strings = [column for column in schema.columns if column.dtype == "string"]
        code = {"d": "f8", "q": "i8"}
        self._record = np.dtype(
            [(str(i), code[number_format(column)]) for i, column in enumerate(self._numbers)]
        )
        self.from_columns: Callable[[int, Sequence[ColumnCells]], Rows] = self._containers.rows
        self.build: Callable[[PredictBatch], Rows] = (
            self._build_plain if self._containers.plain else self._build_mixed
        )

    def _build_plain(self, batch: PredictBatch) -> Rows:
        values = np.frombuffer(batch.numbers, np.float64)
        return self._containers.plain_rows(values.reshape(batch.rows, len(self._columns)))

    def _build_mixed(self, batch: PredictBatch) -> Rows:
        records = np.frombuffer(batch.numbers, self._record) if self._numbers else None
        texts = iter(self._texts(batch))
        numbers = iter(range(len(self._numbers)))
        cells = [
            next(texts)
            if column.dtype == "string" or records is None
            else records[str(next(numbers))]
            for column in self._columns
        ]
        return self._containers.rows(batch.rows, cells)

    def from_numbers(self, values: Array) -> Rows:
        """Return the rows of a table whose columns are all float64 cells.

        Args:
            values: float64, shape (rows, columns), in the fitted order.
        """
        if self._containers.plain:
            return self._containers.plain_rows(values)
        return self._build_mixed(as_batch(Cells(len(values), values.tobytes())))

    def _texts(self, batch: PredictBatch) -> list[list[str | None]]:
        """Return the strings, a list a column; None is null."""
        lengths = np.frombuffer(batch.lengths, np.int32)
        ends = np.cumsum(np.maximum(lengths, 0)).tolist()
        data = bytes(batch.text)
        cells = [
            None if length < 0 else data[end - length : end].decode()
            for length, end in zip(lengths.tolist(), ends, strict=True)
        ]
        width = len(self._strings)
        return [cells[i::width] for i in range(width)]


def as_batch(cells: Cells) -> PredictBatch:
    """Return the cells of one request as a batch has them."""
    numbers, lengths, text = memoryview(cells[1]), memoryview(cells[2]), memoryview(cells[3])
    return PredictBatch(0, 0, cells.rows, numbers, lengths, text, [])


def null_for(column: Column, cells: ColumnCells) -> list[Any]:
    """Return a column's cells as a request has them, with None where one is missing."""
    if isinstance(cells, list):
        return cells
    values: list[Any] = cells.tolist()
    if column.dtype == "bool":
        return [None if value == BOOL_NULL else bool(value) for value in values]
    if cells.dtype.kind == "f" and np.isnan(cells).any():
        return [None if value != value else value for value in values]  # noqa: PLR0124
    return values
