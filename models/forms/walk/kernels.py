"""The loops that numba compiles.

Three ways lead down a tree. Alone: one row, until it is at a leaf. Trees together: one row through
eight trees at once, so that the processor waits for eight nodes at a time. Rows together: the same
with eight rows and one tree, in blocks of rows that stay in the cache. The last two take as many
steps as the tree is deep, because a leaf leads to itself; that holds for numbers only, so rows with
NaN go alone.

Whatever the way, a row's leaves are added tree after tree, in scikit-learn's order.

`nodes`, `leaves`, `roots` and `depths` are those of `Flat`.
"""

from typing import Any

import numpy as np

from models.forms.walk.compiled import compiled

TOGETHER = 8
BLOCK_ROWS = 512


@compiled
def down(nodes: Any, at: Any, row: Any) -> Any:
    """Return the leaf that a row without NaN reaches from `at`."""
    while True:
        node = nodes[at]
        if node.left == at:
            return at
        at = node.left + (not row[node.feature] <= node.threshold)


@compiled
def down_missing(nodes: Any, missing_left: Any, at: Any, row: Any) -> Any:
    """Return the leaf that a row with NaN reaches from `at`."""
    while True:
        node = nodes[at]
        if node.left == at:
            return at
        value = row[node.feature]
        if np.isnan(value):
            at = node.left + (missing_left[at] == 0)
        else:
            at = node.left + (not value <= node.threshold)


@compiled
def trees_together(nodes: Any, roots: Any, depths: Any, first: Any, row: Any, at: Any) -> None:
    """Fill `at` with the leaves that a row reaches in eight trees from the first on."""
    depth = 0
    for tree in range(TOGETHER):
        at[tree] = roots[first + tree]
        depth = max(depth, depths[first + tree])
    for _ in range(depth):
        for tree in range(TOGETHER):
            node = nodes[at[tree]]
            at[tree] = node.left + (not row[node.feature] <= node.threshold)


@compiled
def rows_together(nodes: Any, root: Any, depth: Any, X: Any, first: Any, at: Any) -> None:
    """Fill `at` with the leaves that eight rows from the first on reach in one tree."""
    for row in range(TOGETHER):
        at[row] = root
    for _ in range(depth):
        for row in range(TOGETHER):
            node = nodes[at[row]]
            at[row] = node.left + (not X[first + row, node.feature] <= node.threshold)


@compiled
def add_few(nodes: Any, values: Any, roots: Any, depths: Any, X: Any, sums: Any) -> None:
    """Add to each row's sums, shape (n, width), the values of its leaves; for few rows."""
    rows, width = sums.shape
    at = np.empty(TOGETHER, np.int64)
    for row in range(rows):
        tree = 0
        while tree + TOGETHER <= len(roots):
            trees_together(nodes, roots, depths, tree, X[row], at)
            for each in range(TOGETHER):
                for value in range(width):
                    sums[row, value] += values[at[each], value]
            tree += TOGETHER
        while tree < len(roots):
            leaf = down(nodes, roots[tree], X[row])
            for value in range(width):
                sums[row, value] += values[leaf, value]
            tree += 1


@compiled
def add_many(nodes: Any, values: Any, roots: Any, depths: Any, X: Any, sums: Any) -> None:
    """Do the same for many rows."""
    rows, width = sums.shape
    at = np.empty(TOGETHER, np.int64)
    for start in range(0, rows, BLOCK_ROWS):
        stop = min(rows, start + BLOCK_ROWS)
        for tree in range(len(roots)):
            row = start
            while row + TOGETHER <= stop:
                rows_together(nodes, roots[tree], depths[tree], X, row, at)
                for each in range(TOGETHER):
                    for value in range(width):
                        sums[row + each, value] += values[at[each], value]
                row += TOGETHER
            while row < stop:
                leaf = down(nodes, roots[tree], X[row])
                for value in range(width):
                    sums[row, value] += values[leaf, value]
                row += 1


@compiled
def add_missing(nodes: Any, missing_left: Any, values: Any, roots: Any, X: Any, sums: Any) -> None:
    """Do the same for rows with NaN."""
    rows, width = sums.shape
    for start in range(0, rows, BLOCK_ROWS):
        stop = min(rows, start + BLOCK_ROWS)
        for tree in range(len(roots)):
            for row in range(start, stop):
                leaf = down_missing(nodes, missing_left, roots[tree], X[row])
                for value in range(width):
                    sums[row, value] += values[leaf, value]


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
