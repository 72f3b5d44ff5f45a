"""The same loops for boosted trees: each has one value a leaf, and belongs to one class."""

from typing import Any

import numpy as np

from models.forms.walk.compiled import compiled
from models.forms.walk.kernels import (
    BLOCK_ROWS,
    TOGETHER,
    down,
    down_missing,
    rows_together,
    trees_together,
)


@compiled
def boost_few(nodes: Any, leaves: Any, roots: Any, depths: Any, X: Any, scores: Any) -> None:
    """Add to scores, shape (K, n), each row's leaves; tree t is of class t mod K."""
    classes, rows = scores.shape
    at = np.empty(TOGETHER, np.int64)
    for row in range(rows):
        tree = 0
        while tree + TOGETHER <= len(roots):
            trees_together(nodes, roots, depths, tree, X[row], at)
            for each in range(TOGETHER):
                scores[(tree + each) % classes, row] += leaves[at[each]]
            tree += TOGETHER
        while tree < len(roots):
            leaf = down(nodes, roots[tree], X[row])
            scores[tree % classes, row] += leaves[leaf]
            tree += 1


@compiled
def boost_many(nodes: Any, leaves: Any, roots: Any, depths: Any, X: Any, scores: Any) -> None:
    """Do the same for many rows."""
    classes, rows = scores.shape
    at = np.empty(TOGETHER, np.int64)
    for start in range(0, rows, BLOCK_ROWS):
        stop = min(rows, start + BLOCK_ROWS)
        for tree in range(len(roots)):
            of = tree % classes
            row = start
            while row + TOGETHER <= stop:
                rows_together(nodes, roots[tree], depths[tree], X, row, at)
                for each in range(TOGETHER):
                    scores[of, row + each] += leaves[at[each]]
                row += TOGETHER
            while row < stop:
                leaf = down(nodes, roots[tree], X[row])
                scores[of, row] += leaves[leaf]
                row += 1


@compiled
def boost_missing(
    nodes: Any, missing_left: Any, leaves: Any, roots: Any, X: Any, scores: Any
) -> None:
    """Do the same for rows with NaN."""
    classes, rows = scores.shape
    for start in range(0, rows, BLOCK_ROWS):
        stop = min(rows, start + BLOCK_ROWS)
        for tree in range(len(roots)):
            for row in range(start, stop):
                leaf = down_missing(nodes, missing_left, roots[tree], X[row])
                scores[tree % classes, row] += leaves[leaf]
