"""Parquet files, row group by row group."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from models.errors import BadData
from models.extract.chunk import Chunk, chunk_of, counted_from

_CHUNK_ROWS: Final = 20_000
_BUFFER_BYTES: Final = 2**20


class Parquet:
    """One Parquet file.

    Args:
        path: the file.
        name: the file as people know it.
        wanted: the columns to read; no other is looked at.
    """

    def __init__(self, path: Path, name: str, wanted: tuple[str, ...]) -> None:
        self.path = path
        self.name = name
        self.read_bytes = 0
        self._wanted = wanted

    def columns(self) -> list[str]:
        """Return the file's columns.

        Raises:
            BadData: it is not a Parquet file.
        """
        try:
            return list(pq.read_schema(self.path).names)
        except pa.ArrowException as error:
            raise BadData(f"{self.name} is not a Parquet file: {_first_line(error)}") from error

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, in order."""
        size_bytes = self.path.stat().st_size
        try:
            # A buffer a column, instead of whole row groups in memory.
            with pq.ParquetFile(self.path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
                rows, number = file.metadata.num_rows, 1
                batches = file.iter_batches(_CHUNK_ROWS, columns=list(self._wanted))
                for batch in batches:
                    yield chunk_of(batch, counted_from(number, len(batch)), self.name)
                    number += len(batch)
                    self.read_bytes = size_bytes * (number - 1) // max(rows, 1)
        except pa.ArrowException as error:
            raise BadData(f"{self.name} is damaged: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
