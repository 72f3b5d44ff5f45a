"""Few rows through many trees, all of them a level at a time.

A call of one compiled tree costs some microseconds, however few rows it has, and a forest is a
hundred calls. Here it is as many steps of NumPy as the deepest tree has levels, each for all rows
and trees together: for one row a fourth of the time, and no library more. For many rows the calls
are cheaper. The bits are the same: what is compared is scikit-learn's float32 and float64, and
leaves are added tree after tree.
"""

from typing import Any, Final

import numpy as np

from models.forms.checks import Array
from models.forms.walk.flat import Flat

MOST_NODES: Final = 1 << 17
"""Trees are kept once more for this, so only small ones: a few megabytes."""
ROWS_BY_LEVELS: Final = 400
ROWS_BY_TREES: Final = 1600
"""Where calls begin to be cheaper was measured (2026-11-29, forests of 10 to 500 trees)."""


def few_rows(trees: int, depth: int) -> int:
    """Return up to how many rows levels are cheaper than calls; 0 if they never are."""
    return max(ROWS_BY_LEVELS // max(depth, 1) - ROWS_BY_TREES // trees, 0)


class Levels:
    """The sums of a forest's leaves.

    Args:
        forest: its trees.
    """

    def __init__(self, forest: Flat) -> None:
        # As indices NumPy takes these types without a copy.
        self._features = forest.nodes["feature"].astype(np.intp)
        self._left = forest.nodes["left"].astype(np.intp)
        self._thresholds = np.ascontiguousarray(forest.nodes["threshold"])
        self._values = forest.values
        self._roots = forest.roots.astype(np.intp)
        self._depth = int(forest.depths.max())
        self.rows = few_rows(len(forest.roots), self._depth)
        """Up to how many it is worth it."""

    def __call__(self, X: Array) -> Array:
        """Return float64, shape (n, width), of float32 rows that are finite, shape (n, columns)."""
        rows, columns = X.shape
        cells = X.astype(np.float64).ravel()
        starts = np.arange(0, rows * columns, columns)[:, np.newaxis]
        at: Any = np.repeat(self._roots[np.newaxis], rows, axis=0)
        for _ in range(self._depth):
            asked = cells.take(self._features.take(at) + starts)
            # A leaf's threshold is infinity and its left child itself.
            at = self._left.take(at) + (asked > self._thresholds.take(at))
        leaves = self._values.take(at, axis=0)
        leaves[:, 0] += 0.0  # as scikit-learn adds to zeros: -0.0 becomes 0.0
        sums: Array = np.add.accumulate(leaves, axis=1)[:, -1]
        return sums
