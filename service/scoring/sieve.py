"""One part to its answers; what fails as a whole is halved until the rows that fail stand alone."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal

import pyarrow as pa

from models.schema import TabularSchema
from service.errors import (
    DeadlineExceeded,
    ModelFailed,
    PoisonInput,
    ServiceError,
    TooLarge,
    Unfit,
    Unreadable,
)
from service.scoring.bodies import body_of, table_of
from service.scoring.parts import Part, Rows
from service.scoring.refusal import RowFailed, RowFailure, ScoringError

ERROR = "error"
"""The column that says why a row has no prediction."""
OnError = Literal["stop", "null"]
OF_ROWS = (Unfit, Unreadable, ModelFailed, PoisonInput, TooLarge, DeadlineExceeded)
"""Errors that some of the rows may have made, while the others are well."""

Answer = Callable[[bytes, int], Coroutine[Any, Any, bytes]]
"""Asks the workers for a body of so many rows."""


class Sieve:
    """Scores parts.

    Args:
        answer: asks the workers.
        inputs: the model's columns.
        outputs: the columns of its answers.
        on_error: what becomes of a row that fails: it stops all, or has no prediction.
    """

    def __init__(
        self, answer: Answer, inputs: TabularSchema, outputs: pa.Schema, on_error: OnError
    ) -> None:
        self._answer = answer
        self._inputs = inputs
        self._on_error = on_error
        self._schema = outputs
        self.schema = outputs
        """The columns that `score` adds."""
        if on_error == "null":
            self.schema = outputs.append(pa.field(ERROR, pa.string()))

    async def score(self, part: Part) -> pa.Table:
        """Return a part's kept columns and its answers.

        Raises:
            RowFailed: a row failed, and that shall stop the run.
            ScoringError: nothing can be predicted at all.
        """
        tables = await self._scored(part.rows, part.start)
        kept, joined = part.rows.kept, pa.concat_tables(tables)
        schema = pa.schema([*kept.schema, *joined.schema])
        return pa.Table.from_arrays([*kept.columns, *joined.columns], schema=schema)

    async def _scored(self, rows: Rows, start: int) -> list[pa.Table]:
        """Return the answers to some rows, whose first one is the input's row `start`."""
        try:
            table = table_of(await self._answer(body_of(rows, self._inputs), len(rows)))
        except OF_ROWS as error:
            if error.details and error.details[0]["loc"][:1] == ["columns"]:
                raise ScoringError(error.message) from error
            if len(rows) == 1:
                return [self._failed(self._failure(error, start))]
        except ServiceError as error:
            raise ScoringError(error.message) from error
        else:
            return [self._checked(table, len(rows))]
        middle = len(rows) // 2
        before = await self._scored(rows.cut(0, middle), start)
        return before + await self._scored(rows.cut(middle, len(rows)), start + middle)

    def _checked(self, table: pa.Table, rows: int) -> pa.Table:
        """Return a worker's answers with the columns that all parts have."""
        if table.num_rows != rows or table.schema.names != self._schema.names:
            raise ScoringError("A worker answered other rows or columns than it was asked for.")
        table = table.cast(self._schema)
        if self._on_error == "null":
            table = table.append_column(self.schema.field(ERROR), [pa.nulls(rows, pa.string())])
        return table

    def _failed(self, failure: RowFailure) -> pa.Table:
        """Return the answer to a row that has none."""
        if self._on_error == "stop":
            raise RowFailed(failure)
        columns = [pa.nulls(1, field.type) for field in self._schema]
        return pa.Table.from_arrays([*columns, pa.array([failure.told()])], schema=self.schema)

    def _failure(self, error: ServiceError, row: int) -> RowFailure:
        if not error.details:
            return RowFailure(row, "", error.message)
        detail = error.details[0]
        place = detail["loc"][-1] if len(detail["loc"]) > 2 else ""
        if isinstance(place, int):
            names = [column.name for column in self._inputs.columns]
            place = names[place] if place < len(names) else ""
        return RowFailure(row, place, detail["message"])
