"""The whole input as parts, file after file, and how far reading has come."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from service.inference.messages import Media
from service.scoring.json_lines import json_rows
from service.scoring.parts import PART_BYTES, Part, Rows, numbered, recut
from service.scoring.plan import Plan, Split
from service.scoring.sources import Format, Source
from service.scoring.tables import (
    BLOCK_BYTES,
    TableFile,
    name_of,
    open_arrow,
    open_csv,
    open_parquet,
    reading,
    standard_input,
)

GZIP = b"\x1f\x8b"


class Reader:
    """Reads a source.

    Args:
        source: what to read.
        plan: which columns are wanted, and for what.
        part_rows: the rows of a part.
        delimiter: what stands between cells of CSV.
    """

    def __init__(self, source: Source, plan: Plan, part_rows: int, delimiter: str) -> None:
        self._source = source
        self._plan = plan
        self._part_rows = part_rows
        self._delimiter = delimiter
        self._raw: io.BufferedReader | None = None
        self._size_bytes = source.size_bytes()
        self._done_bytes = 0

    def total_rows(self) -> int | None:
        """Return how many rows there are, if the files say so at their ends.

        Raises:
            ScoringError: one cannot be read.
        """
        if self._source.format is not Format.PARQUET:
            return None
        return sum(open_parquet(path).rows or 0 for path in self._source.paths)

    def share(self) -> float | None:
        """Return how much of the files' bytes was read, between 0 and 1, if that can be told."""
        raw = self._raw
        if raw is None or not self._size_bytes:
            return None
        try:
            return min((self._done_bytes + raw.tell()) / self._size_bytes, 1.0)
        except ValueError:  # it was closed this moment
            return None

    def parts(self) -> Iterator[Part]:
        """Yield the parts.

        Raises:
            ScoringError: a file cannot be read, or has not the model's columns.
        """
        return numbered(self._rows())

    def _rows(self) -> Iterator[Rows]:
        for path in self._source.paths or (None,):
            if self._source.format is Format.JSONL:
                yield from json_rows(self._open(path), name_of(path), self._plan, self._part_rows)
            else:
                yield from self._of_table(self._open_table(path), name_of(path))
            if self._raw is not None:
                self._done_bytes += self._raw.tell()
                self._raw.close()
                self._raw = None

    def _of_table(self, file: TableFile, where: str) -> Iterator[Rows]:
        split = self._plan.split(file.names, where)
        media = Media.CSV if self._source.format is Format.CSV else Media.ARROW
        for table in recut(file.read(split.read()), self._part_rows, PART_BYTES):
            yield self._as_rows(table, split, media)

    def _as_rows(self, table: pa.Table, split: Split, media: Media) -> Rows:
        kept = table.select(split.kept).replace_schema_metadata(None)
        for i, field in enumerate(kept.schema):
            if pa.types.is_dictionary(field.type):  # the next part's would be another one
                values = kept.column(i).cast(field.type.value_type)
                kept = kept.set_column(i, field.name, values)
        sent = table.select(split.sent).rename_columns(split.called)
        return Rows(kept, sent if media is Media.CSV else self._plain(sent), media)

    def _plain(self, sent: pa.Table) -> pa.Table:
        """Return a table without the types that have no place in a request, but a plain meaning."""
        for i, field in enumerate(sent.schema):
            if pa.types.is_decimal(field.type):
                sent = sent.set_column(i, field.name, sent.column(i).cast(pa.float64()))
            elif pa.types.is_date(field.type) and self._plan.is_text(field.name):
                sent = sent.set_column(i, field.name, sent.column(i).cast(pa.string()))
        return sent.replace_schema_metadata(None)

    def _open_table(self, path: Path | None) -> TableFile:
        if self._source.format is Format.CSV:
            return open_csv(path, self._open(path), self._delimiter)
        if self._source.format is Format.PARQUET and path is not None:
            return open_parquet(path)
        return open_arrow(path)

    def _open(self, path: Path | None) -> io.BufferedReader:
        """Open a file whose bytes are counted; what is compressed by gzip is expanded."""
        with reading(name_of(path)):
            if path is None:
                raw = standard_input()
            else:
                raw = self._raw = io.BufferedReader(io.FileIO(path), BLOCK_BYTES)
            if raw.peek(len(GZIP))[: len(GZIP)] != GZIP:
                return raw
            return io.BufferedReader(gzip.GzipFile(fileobj=raw), BLOCK_BYTES)
