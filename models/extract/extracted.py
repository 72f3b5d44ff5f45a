"""Rows that were read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from models.schema import Cell


@dataclass(frozen=True)
class RowCounts:
    """What became of the rows of a source.

    Args:
        read: rows that were read.
        taken: rows that keep the contract.
        reasons: why the others were rejected: sentence → rows; of a row the first reason counts.
    """

    read: int
    taken: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """Rows that were not taken."""
        return self.read - self.taken


@dataclass(frozen=True)
class Extracted:
    """The rows of a source that keep the contract.

    Args:
        frame: a column each of the specification's [columns], in its order: integer is int64
            (float64 if nullable), number float64, text, date and picture str, boolean bool (object
            with None if nullable).
        counts: what was read, taken and rejected.
        rejected_file: where the rejected rows are, each with its reason; None if there are none.
        source: where the rows came from, for a person; never a password.
        mark: the highest value of the marked column, to begin above at the next run.
        unmarked_rows: rejected rows so far that have no readable value in the marked column.
    """

    frame: pd.DataFrame
    counts: RowCounts
    rejected_file: Path | None
    source: str
    mark: Cell = None
    unmarked_rows: int = 0
