"""Finished parts to one file: a part after the other, and visible only when it is whole."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from service.scoring.folder import PartsFolder, sync
from service.scoring.refusal import ScoringError
from service.scoring.sieve import ERROR
from service.scoring.sources import suffix_of

GROUP_ROWS = 1 << 17
GROUP_BYTES = 16 << 20
"""Rows of Parquet are written in groups of at least so many rows or bytes."""
DRAFT = ".draft-assembled"

Write = Callable[[pa.Table], None]


class Assembled(NamedTuple):
    """What was written."""

    rows: int
    failed_rows: int


def check_output(out: Path) -> None:
    """Check that a file can be written there.

    Raises:
        ScoringError: its name does not say how, or its folder is not there.
    """
    if suffix_of(out) not in WRITERS:
        raise ScoringError(f"{out}: --out ends in one of {', '.join(WRITERS)}.")
    if not out.parent.is_dir():
        raise ScoringError(f"There is no folder {out.parent} to write to.")
    if out.is_dir():
        raise ScoringError(f"{out} is a folder.")


def check_kept(schema: pa.Schema, out: Path) -> None:
    """Check that columns can be written there.

    Raises:
        ScoringError: CSV has no place for one.
    """
    for field in schema if ".csv" in suffix_of(out) else ():
        if pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            raise ScoringError(
                f"The column {field.name!r} ({field.type}) has no place in CSV: write Parquet or "
                "Arrow, or say by --keep which columns shall stay."
            )


def assemble(folder: PartsFolder, parts: int, schema: pa.Schema, out: Path) -> Iterator[Assembled]:
    """Write all parts in their order to `out`, by one rename when the last was written.

    Yields what was written so far after each part, and at the end.

    Args:
        folder: has them.
        parts: how many there are.
        schema: the answers' columns, if there is no part.
        out: the file; one that is there is replaced.
    """
    whole = common_schema((folder.schema(number) for number in range(parts)), schema)
    draft = folder.path / DRAFT
    rows = failed = 0
    with WRITERS[suffix_of(out)](draft, whole) as write:
        for number in range(parts):
            table = conformed(folder.read(number), whole)
            rows += table.num_rows
            if ERROR in schema.names:
                failed += table.num_rows - table.column(ERROR).null_count
            write(table)
            yield Assembled(rows, failed)
    sync(draft)
    draft.replace(out)
    sync(out.parent)
    yield Assembled(rows, failed)


def common_schema(schemas: Iterator[pa.Schema], answers: pa.Schema) -> pa.Schema:
    """Return columns that all parts can have: the kept ones of all, then the answers'.

    Files, and lines of JSON, may have columns of other types, or not all: whole numbers become
    numbers with fractions where some have them; what does not go together becomes text.
    """
    kept: dict[str, pa.DataType] = {}
    last: pa.Schema | None = None
    for schema in schemas:
        if last is not None and schema.equals(last):
            continue
        last = schema
        for field in schema:
            if field.name not in answers.names:
                known = kept.get(field.name, field.type)
                kept[field.name] = _common_type(known, field.type)
    return pa.schema([*(pa.field(name, kind) for name, kind in kept.items()), *answers])


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a part with exactly these columns."""
    columns = [
        table.column(field.name).cast(field.type, safe=False)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    try:
        both = [pa.schema([pa.field("x", kind)]) for kind in (one, other)]
        return pa.unify_schemas(both, promote_options="permissive").field("x").type
    except pa.ArrowException:
        return pa.string()


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    waiting: list[pa.Table] = []

    def flush() -> None:
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
            waiting.clear()

    def write(table: pa.Table) -> None:
        waiting.append(table)
        rows = sum(one.num_rows for one in waiting)
        if rows >= GROUP_ROWS or sum(one.nbytes for one in waiting) >= GROUP_BYTES:
            flush()

    with pq.ParquetWriter(path, schema) as writer:
        yield write
        flush()


@contextmanager
def _csv(path: Path, schema: pa.Schema, compression: str | None = None) -> Iterator[Write]:
    with (
        pa.output_stream(str(path), compression=compression) as sink,
        pa.csv.CSVWriter(sink, schema) as writer,
    ):
        yield writer.write_table


@contextmanager
def _arrow(path: Path, schema: pa.Schema) -> Iterator[Write]:
    with pa.ipc.new_file(str(path), schema) as writer:
        yield writer.write_table


def _csv_gz(path: Path, schema: pa.Schema) -> AbstractContextManager[Write]:
    return _csv(path, schema, "gzip")


WRITERS: dict[str, Callable[[Path, Any], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".csv.gz": _csv_gz,
    ".arrow": _arrow,
    ".feather": _arrow,
}
