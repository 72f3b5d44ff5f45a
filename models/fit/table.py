"""Rows with their targets, and the groups that belong together."""

from dataclasses import dataclass
from typing import Self

import pandas as pd

from models.rows import Array, Rows


@dataclass(frozen=True)
class Table:
    """What is fitted on.

    Args:
        X: rows as the pipeline takes them.
        y: their targets, shape (n,).
        groups: of each row what it must stay together with, shape (n,); None if nothing.
    """

    X: Rows
    y: Array
    groups: Array | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.y)

    def take(self, at: Array) -> Self:
        """Return some rows, in the given order."""
        groups = None if self.groups is None else self.groups[at]
        X = self.X.iloc[at] if isinstance(self.X, pd.DataFrame) else self.X[at]
        return type(self)(X, self.y[at], groups)
