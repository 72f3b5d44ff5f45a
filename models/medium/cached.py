"""Checked rows on disk, to be read again and again: Parquet, in small groups of rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.extract.frames import frame_of
from models.extract.parts import arrow_schema
from models.medium.batch import Batch
from models.medium.progress import Moment, Progress, silent
from models.rows import Array
from models.spec import Specification
from models.spec.columns import ColumnContract

GROUPS_A_BATCH: Final = 8
"""A batch that is read in random order comes from so many places of the table."""


@dataclass(frozen=True)
class CachedRows:
    """The rows of one file.

    Args:
        path: the file.
        contracts: of its columns.
        target: which of them is predicted.
        classes: of the target, ascending; None for regression.
        groups: rows of each group, in order.
        tell: told of each batch.
    """

    path: Path
    contracts: Mapping[str, ColumnContract]
    target: str
    classes: Array | None
    groups: Array
    tell: Progress = silent

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.groups.sum())

    def batches(
        self, columns: list[str], batch_rows: int, order: Array | None = None
    ) -> Iterator[Batch]:
        """Read rows, whole groups at a time.

        Args:
            columns: besides the target.
            batch_rows: at most so many at a time, or one group.
            order: of the groups; as they lie if left out.
        """
        wanted = list(dict.fromkeys([*columns, self.target]))
        contracts = {name: self.contracts[name] for name in wanted}
        begins = np.concatenate([[0], np.cumsum(self.groups)[:-1]]).astype(np.uint64)
        done = 0
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            for groups in self._together(batch_rows, order):
                table = file.read_row_groups(groups, columns=wanted, use_threads=False)
                values = {name: table.column(name).combine_chunks() for name in wanted}
                frame = frame_of(contracts, values, np.ones(len(table), dtype=bool))
                numbers = np.concatenate(
                    [begins[one] + np.arange(self.groups[one], dtype=np.uint64) for one in groups]
                )
                yield Batch(frame[columns], self.targets(frame[self.target]), numbers)
                done += len(frame)
                self.tell(Moment(self.path.stem, done, len(self)))

    def targets(self, column: "pd.Series[Any]") -> Array:
        """Return y; a text of a class is one object in all rows."""
        values = column.to_numpy()
        if self.classes is None:
            return np.asarray(values, np.float64)
        found: Array = self.classes[np.searchsorted(self.classes, values)]
        return found

    def _together(self, batch_rows: int, order: Array | None) -> Iterator[list[int]]:
        taken: list[int] = []
        rows = 0
        for group in range(len(self.groups)) if order is None else order.tolist():
            if taken and rows + self.groups[group] > batch_rows:
                yield taken
                taken, rows = [], 0
            taken.append(group)
            rows += int(self.groups[group])
        if taken:
            yield taken


class RowWriter:
    """Writes frames of the specification's columns, as a context manager."""

    def __init__(self, path: Path, spec: Specification, group_rows: int) -> None:
        self.path = path
        self._spec = spec
        self._group_rows = group_rows
        self._schema = arrow_schema(spec.columns)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._groups: list[int] = []

    def write(self, frame: pd.DataFrame) -> None:
        """Append rows."""
        if frame.empty:
            return
        table = pa.Table.from_pandas(frame, schema=self._schema, preserve_index=False)
        self._writer.write_table(table.replace_schema_metadata(None), self._group_rows)
        whole, rest = divmod(len(frame), self._group_rows)
        self._groups += [self._group_rows] * whole + ([rest] if rest else [])

    def rows(self, classes: Array | None, tell: Progress = silent) -> CachedRows:
        """Return what was written; call it after the end."""
        columns, target = self._spec.columns, self._spec.target.column
        groups = np.array(self._groups, np.int64)
        return CachedRows(self.path, columns, target, classes, groups, tell)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._writer.close()
