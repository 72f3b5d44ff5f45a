"""Rows that reach a chosen split of a tree and stand on it or next to it."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from models.plans.edges import Edges
from models.plans.trees import Tree

Array: TypeAlias = npt.NDArray[Any]


class Placed(NamedTuple):
    """Numbers to be put into rows.

    Args:
        rows: shape (n,): which row.
        columns: shape (n,): which column.
        values: float64, shape (n,).
        made: how many rows there are.
    """

    rows: Array
    columns: Array
    values: Array
    made: int


def paths(trees: tuple[Tree, ...], found: Edges, most: int, rng: np.random.Generator) -> Placed:
    """Choose splits at random, and make two rows for each: both take all its turns, and part there.

    Every turn is taken as closely as it can be: on the largest input that goes left, or the least
    that goes right.

    Args:
        trees: with the same splits as `found`.
        found: the edges of their splits.
        most: the most rows.
        rng: chooses.
    """
    known = {
        (int(feature), float(threshold)): place
        for place, (feature, threshold, column) in enumerate(
            zip(found.features, found.thresholds, found.columns, strict=True)
        )
        if column >= 0
    }
    sizes = np.array([len(tree.feature) for tree in trees])
    chosen = rng.choice(int(sizes.sum()), min(most // 2, int(sizes.sum())), replace=False)
    ends = np.cumsum(sizes)
    rows: list[int] = []
    places: list[int] = []
    sides: list[bool] = []
    count = 0
    parents: dict[int, list[int]] = {}
    for at in np.sort(chosen):
        number = int(np.searchsorted(ends, at, side="right"))
        node = int(at - (ends[number] - sizes[number]))
        tree = trees[number]
        if tree.feature[node] < 0:
            continue
        if number not in parents:
            parents[number] = _parents(tree)
        turns = _turns(tree, parents[number], node)
        for goes_left in (True, False):
            for split, left in [*turns, (node, goes_left)]:
                place = known.get((int(tree.feature[split]), float(tree.threshold[split])))
                if place is not None:
                    rows.append(count)
                    places.append(place)
                    sides.append(left)
            count += 1
    at_edges = np.array(places, np.int64)
    values = np.where(np.array(sides, bool), found.below[at_edges], found.above[at_edges])
    return Placed(np.array(rows, np.int64), found.columns[at_edges], values, count)


def _parents(tree: Tree) -> list[int]:
    """Return of each node the one above it; the root has itself."""
    above = np.zeros(len(tree.feature), np.int64)
    inner = np.flatnonzero(tree.feature >= 0)
    above[tree.left[inner]] = inner
    above[tree.right[inner]] = inner
    return [int(one) for one in above]


def _turns(tree: Tree, parents: list[int], node: int) -> list[tuple[int, bool]]:
    """Return the splits above a node, from the root on, and whether the way goes left there."""
    turns = []
    while node != 0:
        above = parents[node]
        turns.append((above, int(tree.left[above]) == node))
        node = above
    return turns[::-1]
