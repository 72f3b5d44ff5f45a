"""Delimited text: read by Arrow, and from the first place that it cannot take record by record."""

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from models.errors import BadData
from models.extract.chunk import Broken, Chunk, chunk_of
from models.extract.records import MOST_CHARS, Record, records
from models.rows import Array
from models.spec.sources import CsvSource

_BLOCK_BYTES: Final = 2**20
_SLOW_ROWS: Final = 20_000


class _Tangled(Exception):
    """A record goes over several lines: whether it should must be looked at closely."""


class Delimited:
    """One file of delimited text.

    Args:
        path: the file.
        name: the file as people know it.
        source: how its text is written.
        names: the columns, if the file does not name them.
    """

    def __init__(self, path: Path, name: str, source: CsvSource, names: tuple[str, ...]) -> None:
        self.path = path
        self.name = name
        self.source = source
        self.read_bytes = 0
        self._names = list(names)
        self._encoding = codecs.lookup(source.encoding).name.removesuffix("-sig")
        self._broken: list[Broken] = []

    def columns(self) -> list[str]:
        """Return the file's columns.

        Raises:
            BadData: the file is empty, or does not begin with names.
        """
        if not self.source.header:
            return self._names
        with self._text() as text:
            first = next(records(text, self.source), Record([], "is empty"))
        if first.reason:
            raise BadData(f"{self.name} has no first line of column names: it {first.reason}")
        return first.cells

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, in order."""
        columns = _distinct(self.columns())
        done_rows = 0
        try:
            for chunk in self._fast(columns):
                yield chunk
                done_rows += len(chunk.numbers) + len(chunk.broken)
        except (_Tangled, pa.ArrowInvalid, UnicodeError):
            # Line ends in quotes, bytes that are not of the encoding, a huge record.
            yield from self._slow(columns, done_rows)

    def _fast(self, columns: list[str]) -> Iterator[Chunk]:
        with pa.OSFile(str(self.path)) as raw:
            if raw.size() == 0:
                return
            packed = self.path.suffix == ".gz"
            stream = pa.CompressedInputStream(raw, "gzip") if packed else raw
            number = 1
            for batch in self._arrow(stream, len(columns)):
                self.read_bytes = raw.tell()
                if any(pc.any(pc.match_substring(cells, "\n")).as_py() for cells in batch.columns):
                    raise _Tangled
                numbers, broken = self._numbered(number, len(batch))
                number += len(numbers) + len(broken)
                yield chunk_of(batch.rename_columns(columns), numbers, self.name, *broken)
            _, broken = self._numbered(number, len(self._broken))
            if broken:
                yield chunk_of(_no_rows(columns), _numbers(0, 0), self.name, *broken)

    def _arrow(self, stream: Any, width: int) -> Any:
        header_rows = int(self.source.header)
        self._broken = []

        def note(row: Any) -> str:
            reason = f"has {row.actual_columns} cells instead of {row.expected_columns}"
            self._broken.append(Broken(row.number - header_rows, row.text, reason))
            return "skip"

        # Places instead of names: two columns may share one.
        places = [str(place) for place in range(width)]
        return arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                use_threads=False,  # with threads, broken rows have no numbers
                block_size=_BLOCK_BYTES,
                encoding=self._encoding,
                column_names=places,
                skip_rows_after_names=header_rows,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.source.delimiter,
                quote_char=self.source.quote,
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
            ),
        )

    def _numbered(self, first: int, rows: int) -> tuple[Array, list[Broken]]:
        """Return the numbers of a batch's rows, and the broken rows before its last one.

        Arrow reads ahead: more broken rows are known than belong here.
        """
        end, count = first + rows, 0
        while count < len(self._broken) and self._broken[count].number < end:
            end, count = end + 1, count + 1
        broken, self._broken[:count] = self._broken[:count], []
        if any("\n" in row.text for row in broken):
            raise _Tangled
        numbers = np.setdiff1d(_numbers(first, end), [row.number for row in broken])
        return numbers[:rows], broken

    def _slow(self, columns: list[str], done_rows: int) -> Iterator[Chunk]:
        with self._text() as text:
            lines = (line for line in text if line.strip("\r\n"))
            found = records(lines, self.source, len(columns))
            if self.source.header:
                next(found)
            for _ in islice(lines, done_rows):
                pass
            number = done_rows + 1
            while some := list(islice(found, _SLOW_ROWS)):
                yield self._chunk(columns, some, number)
                number += len(some)

    def _chunk(self, columns: list[str], some: list[Record], first: int) -> Chunk:
        numbers = _numbers(first, first + len(some))
        good = np.asarray([not record.reason for record in some])
        rows = [record.cells for record in some if not record.reason]
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        table = pa.RecordBatch.from_arrays(
            [pa.array(column, pa.string()) for column in cells], names=columns
        )
        broken = [
            Broken(int(number), record.text, record.reason)
            for number, record in zip(numbers, some, strict=True)
            if record.reason
        ]
        return chunk_of(table, numbers[good], self.name, *broken)

    @contextmanager
    def _text(self) -> Iterator[Iterator[str]]:
        encoding = "utf-8-sig" if self._encoding == "utf-8" else self._encoding
        with self.path.open("rb") as raw:
            unpacked = gzip.GzipFile(fileobj=raw) if self.path.suffix == ".gz" else raw
            text = io.TextIOWrapper(
                cast("BinaryIO", unpacked), encoding, errors="surrogateescape", newline=""
            )
            yield self._counted(text, raw)

    def _counted(self, text: TextIO, raw: BinaryIO) -> Iterator[str]:
        # Of a line that is too long the rest is dropped: it must not fill the memory.
        while line := text.readline(MOST_CHARS + 1):
            rest = line if len(line) > MOST_CHARS else ""
            while rest and not rest.endswith("\n"):
                rest = text.readline(MOST_CHARS)
            self.read_bytes = raw.tell()
            yield line


def _numbers(first: int, end: int) -> Array:
    return np.arange(first, end, dtype=np.int64)


def _distinct(columns: list[str]) -> list[str]:
    """Return the names with places behind repeated ones: nobody asks for these."""
    return [
        name if name not in columns[:place] else f"{name} ({place + 1})"
        for place, name in enumerate(columns)
    ]


def _no_rows(columns: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in columns], names=columns)
