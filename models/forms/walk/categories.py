"""The same loops for boosted trees that ask for categories."""

from typing import Any

import numpy as np

from models.forms.walk.compiled import compiled
from models.forms.walk.kernels import BLOCK_ROWS


@compiled
def down_categories(nodes: Any, missing_left: Any, sets: Any, lefts: Any, at: Any, row: Any) -> Any:
    """Return the leaf that a row reaches from `at`.

    Args:
        nodes: of type NODE.
        missing_left: uint8, an entry a node.
        sets: int32, an entry a node: where its set of categories is; -1 if it asks for a number.
        lefts: uint32, shape (sets, 8): a bit for each category that goes left.
        at: where to begin.
        row: float64; a category is its code, which the encoder gave, or NaN.
    """
    while True:
        node = nodes[at]
        if node.left == at:
            return at
        value = row[node.feature]
        if np.isnan(value):
            right = missing_left[at] == 0
        elif sets[at] >= 0:
            code = np.uint32(value)
            word = lefts[sets[at], code >> np.uint32(5)]
            right = (word >> (code & np.uint32(31))) & np.uint32(1) == 0
        else:
            right = not value <= node.threshold
        at = node.left + right


@compiled
def boost_categories(trees: Any, sets: Any, lefts: Any, X: Any, scores: Any) -> None:
    """Add to scores, shape (K, n), each row's leaves; tree t is of class t mod K.

    Args:
        trees: nodes, missing_left, leaves and roots of `Flat`.
        sets: as in `down_categories`.
        lefts: as in `down_categories`.
        X: float64, shape (n, columns).
        scores: written into.
    """
    nodes, missing_left, leaves, roots = trees
    classes, rows = scores.shape
    for start in range(0, rows, BLOCK_ROWS):
        stop = min(rows, start + BLOCK_ROWS)
        for tree in range(len(roots)):
            for row in range(start, stop):
                leaf = down_categories(nodes, missing_left, sets, lefts, roots[tree], X[row])
                scores[tree % classes, row] += leaves[leaf]
