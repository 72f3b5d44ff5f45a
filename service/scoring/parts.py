"""Parts: a few thousand rows of one file that are computed, and kept, at once.

How a file is cut depends on the file and the options alone, never on time: a run that was
interrupted and resumed cuts as one that was not, and linear algebra's last bits depend on the rows
of a call.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from service.inference.messages import Media

PART_BYTES = 8 << 20
"""The most bytes of a part, whatever its rows; a row that has more is a part of its own."""


class Rows(NamedTuple):
    """Some rows of one file."""

    kept: pa.Table
    """The columns that stay beside the answers."""
    sent: pa.Table
    """The columns for the model; of JSON one column of objects, as text."""
    media: Media
    """What `sent` is sent as."""

    def __len__(self) -> int:
        """Return how many rows these are, not how many fields a named tuple has."""
        return int(self.sent.num_rows)

    def cut(self, start: int, stop: int) -> "Rows":
        """Return the rows from `start` to before `stop`."""
        count = stop - start
        return Rows(self.kept.slice(start, count), self.sent.slice(start, count), self.media)


class Part(NamedTuple):
    """Rows, and where they stand in the whole input."""

    number: int
    start: int
    rows: Rows


def numbered(all_rows: Iterable[Rows]) -> Iterator[Part]:
    """Yield parts, counted from 0."""
    start = 0
    for number, rows in enumerate(all_rows):
        yield Part(number, start, rows)
        start += len(rows)


def recut(tables: Iterable[pa.Table], part_rows: int, part_bytes: int) -> Iterator[pa.Table]:
    """Yield the rows of one file's tables as tables of `part_rows` rows.

    Args:
        tables: all of one schema.
        part_rows: the rows of each but the last; fewer where they would be too large.
        part_bytes: the most bytes of each.
    """
    waiting: list[pa.Table] = []
    rows = size_bytes = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        size_bytes += table.nbytes
        if rows < part_rows and size_bytes < part_bytes:
            continue
        joined = pa.concat_tables(waiting)
        while (count := _count(joined, part_rows, part_bytes)) is not None:
            yield joined.slice(0, count)
            joined = joined.slice(count)
        waiting, rows, size_bytes = [joined], joined.num_rows, joined.nbytes
    rest = pa.concat_tables(waiting) if waiting else None
    while rest is not None and rest.num_rows:
        count = _count(rest, part_rows, part_bytes) or rest.num_rows
        yield rest.slice(0, count)
        rest = rest.slice(count)


def _count(table: pa.Table, part_rows: int, part_bytes: int) -> int | None:
    """Return how many of the first rows are the next part; None if more must come first."""
    rows: int = table.num_rows
    if not rows:
        return None
    first = table.slice(0, min(rows, part_rows))
    if first.nbytes > part_bytes:
        return max(int(first.num_rows * part_bytes // first.nbytes), 1)
    return part_rows if rows >= part_rows else None
