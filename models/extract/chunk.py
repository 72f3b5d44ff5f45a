"""Raw rows on their way from a source to the contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from models.rows import Array


@dataclass(frozen=True)
class Broken:
    """A row that could not be taken apart into cells.

    Args:
        number: its place in the file, from 1; the header is not counted.
        text: what stands there.
        reason: why it has no cells.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source, as they came.

    Args:
        columns: name in the source → cells; Arrow arrays of whatever type the source has.
        numbers: each row's place in the file, from 1; int64.
        file: the file under the data root, or "query".
        originals: from positions in the chunk to the rows' original cells.
        broken: rows between these that have no cells.
    """

    columns: Mapping[str, pa.Array]
    numbers: Array
    file: str
    originals: Callable[[Array], list[dict[str, Any]]]
    broken: tuple[Broken, ...] = ()


def chunk_of(table: pa.RecordBatch, numbers: Array, file: str, *broken: Broken) -> Chunk:
    """Return a chunk of an Arrow table."""

    def originals(places: Array) -> list[dict[str, Any]]:
        return table.take(pa.array(places, pa.int64())).to_pylist()  # type: ignore[no-any-return]

    columns = dict(zip(table.schema.names, table.columns, strict=True))
    return Chunk(columns, numbers, file, originals, broken)


def counted_from(first: int, rows: int) -> Array:
    """Return the numbers of so many rows in a file."""
    return np.arange(first, first + rows, dtype=np.int64)
