"""Rows of a query, as the database hands them out."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import sqlalchemy
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from models.errors import BadData
from models.extract.addresses import database_url, without_secrets, words
from models.extract.chunk import Chunk, counted_from
from models.extract.headers import require_columns
from models.extract.objects import column
from models.extract.progress import Reading
from models.rows import Array
from models.schema import Cell
from models.spec.sources import SqlSource

CONNECT_TIMEOUT_S: Final = 10
_CHUNK_ROWS: Final = 10_000
_READING: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}


class Query:
    """The rows of a SELECT; the connection cannot write.

    Args:
        source: address, query and parameters.
        root: the data root, for SQLite.
        wanted: the columns that the query must have.
        mark: what `:mark` is bound to, if the query has it.
    """

    def __init__(
        self, source: SqlSource, root: Path, wanted: tuple[str, ...], mark: Cell = None
    ) -> None:
        self._source = source
        self._url = database_url(source, root)
        self._wanted = wanted
        self._bound: dict[str, Cell] = {**source.parameters}
        if source.asks_for_mark:
            self._bound["mark"] = mark

    @property
    def name(self) -> str:
        """Where the rows come from, without a password."""
        return f"a query of {words(self._url)}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows as they arrive; memory holds some thousands of them.

        Raises:
            BadData: the database refuses, or the query has not the wanted columns.
        """
        try:
            engine = self._engine()
            try:
                with engine.connect() as connection:
                    yield from self._rows(connection)
            finally:
                engine.dispose()
        except (SQLAlchemyError, ImportError) as error:
            told = str(getattr(error, "orig", None) or error)
            # The chain holds addresses and parameters; a log would print it whole.
            raise BadData(f"{self.name} failed: {without_secrets(told, self._url)}") from None

    def reading(self, rows: int) -> Reading:
        """Return the rows read; nobody knows of how many."""
        return Reading(rows, None, "rows", rows)

    def _engine(self) -> Engine:
        is_sqlite = self._url.get_backend_name() == "sqlite"
        deadline = "timeout" if is_sqlite else "connect_timeout"
        engine = sqlalchemy.create_engine(
            self._url,
            hide_parameters=True,
            poolclass=sqlalchemy.NullPool,
            connect_args={deadline: CONNECT_TIMEOUT_S},
        )
        if is_sqlite:
            sqlalchemy.event.listen(engine, "connect", _only_reading)
        return engine

    def _rows(self, connection: Connection) -> Iterator[Chunk]:
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": _CHUNK_ROWS}
        if self._url.get_backend_name() == "postgresql":
            options["postgresql_readonly"] = True
        reading = connection.execution_options(**options)
        query = sqlalchemy.text(self._source.query)
        with closing(reading.execute(query, self._bound)) as result:
            if not result.returns_rows:
                raise BadData(f"{self.name} gives no rows; source.query must be a SELECT")
            names = list(result.keys())
            require_columns(names, self._wanted, self.name)
            number = 1
            while rows := result.fetchmany(_CHUNK_ROWS):
                yield _chunk(names, [tuple(row) for row in rows], number)
                number += len(rows)


def _chunk(names: list[str], rows: list[tuple[Any, ...]], first: int) -> Chunk:
    def originals(places: Array) -> list[dict[str, Any]]:
        return [dict(zip(names, rows[place], strict=True)) for place in places]

    columns = {
        name: column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return Chunk(columns, np.asarray(counted_from(first, len(rows))), "query", originals)


def _only_reading(connection: Any, _: object) -> None:
    """Let SQLite refuse everything but reading this one file: no ATTACH, no PRAGMA."""

    def allowed(action: int, *_: object) -> int:
        return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY

    connection.set_authorizer(allowed)
