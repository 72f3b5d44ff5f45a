"""Parquet, Arrow and CSV files as tables that come a little at a time."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from service.scoring.parts import PART_BYTES
from service.scoring.refusal import ScoringError

BUFFER_BYTES = 1 << 20
BLOCK_BYTES = 1 << 20
"""No record of CSV may be longer."""
READ_ROWS = 8192
ARROW_FILE = b"ARROW1"
UNREADABLE = (pa.ArrowException, OSError, EOFError, UnicodeDecodeError, csv.Error)

Read = Callable[[list[str]], Iterator[pa.Table]]


class TableFile(NamedTuple):
    """A file that was opened."""

    names: list[str]
    read: Read
    """Yields tables of the columns named, in any number of rows each."""
    rows: int | None = None
    """How many it has, if that is known."""


def open_parquet(path: Path) -> TableFile:
    """Open a Parquet file; its columns are read page by page, whatever its row groups' size.

    Raises:
        ScoringError: it cannot be read.
    """
    with reading(str(path)):
        file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
    about = file.metadata
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    row_bytes = sum(group.total_byte_size for group in groups) / max(about.num_rows, 1)
    batch_rows = int(min(max(PART_BYTES / max(row_bytes, 1), 1), READ_ROWS))

    def read(names: list[str]) -> Iterator[pa.Table]:
        batches = file.iter_batches(batch_rows, columns=names, use_threads=False)
        return _tables(str(path), batches)

    return TableFile(file.schema_arrow.names, read, about.num_rows)


def open_arrow(path: Path | None) -> TableFile:
    """Open an Arrow IPC file or stream; None is standard input, which is a stream.

    Raises:
        ScoringError: it cannot be read.
    """
    where = name_of(path)
    with reading(where):
        if path is not None and _is_arrow_file(path):
            # Mapped: a record batch of any size takes no memory that cannot be had back.
            file = pa.ipc.open_file(pa.memory_map(str(path)))
            batches = (file.get_batch(i) for i in range(file.num_record_batches))
            rows = sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))
            return TableFile(file.schema.names, _selected(where, batches), rows)
        stream = pa.ipc.open_stream(standard_input() if path is None else pa.memory_map(str(path)))
        return TableFile(stream.schema.names, _selected(where, iter(stream)))


def open_csv(path: Path | None, raw: io.BufferedReader, delimiter: str) -> TableFile:
    """Open CSV with a header; every cell is the text that it is in the file, or null if empty.

    Args:
        path: where it is; None for standard input.
        raw: its bytes, not compressed.
        delimiter: what stands between cells.

    Raises:
        ScoringError: it cannot be read.
    """
    where = name_of(path)
    with reading(where):
        names = _header(raw, delimiter)
    if not any(names):
        raise ScoringError(f"{where}: there is no header.")

    def read(wanted: list[str]) -> Iterator[pa.Table]:
        with reading(where):
            if not raw.peek(1):
                return iter(())
            stream = pa.csv.open_csv(
                raw,
                pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names),
                pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                pa.csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        return _tables(where, iter(stream))

    return TableFile(names, read)


def standard_input() -> io.BufferedReader:
    """Return standard input as a file of its own: Python's is locked at exit if a thread reads."""
    return io.BufferedReader(io.FileIO(0, closefd=False), BLOCK_BYTES)


def name_of(path: Path | None) -> str:
    """Return what sentences call an input."""
    return "standard input" if path is None else str(path)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn what libraries raise while they read an input into a sentence that names it."""
    try:
        yield
    except UNREADABLE as error:
        raise ScoringError(f"{where} cannot be read: {error}") from error


def _header(raw: io.BufferedReader, delimiter: str) -> list[str]:
    """Return the cells of the first record, which may have line ends in quotes."""
    record = b""
    while len(record) < BLOCK_BYTES:
        line = raw.readline(BLOCK_BYTES)
        record += line
        if not line or not record.count(b'"') % 2:
            break
    text = io.StringIO(record.decode("utf-8-sig"), newline="")
    return next(csv.reader(text, delimiter=delimiter), [])


def _is_arrow_file(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ARROW_FILE)) == ARROW_FILE


def _selected(where: str, batches: Iterator[pa.RecordBatch]) -> Read:
    return lambda names: _tables(where, (batch.select(names) for batch in batches))


def _tables(where: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    while True:
        with reading(where):
            batch = next(batches, None)
        if batch is None:
            return
        yield pa.Table.from_batches([batch])
